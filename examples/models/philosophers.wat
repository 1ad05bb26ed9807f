;; The dining philosophers of philosophers.c as a WebAssembly module: byte i of its memory is the phase of philosopher i,
;; byte 64 + i whether fork i is taken.
(module
  (memory (export "memory") 1)
  (global $stack (mut i32) (i32.const 65536))
  (global $n i32 (i32.const 5 (; N ;)))
  (func $fork (param $philosopher i32) (param $nth i32) (result i32)
    (i32.add
      (i32.const 64)
      (i32.rem_u (i32.add (local.get $philosopher) (local.get $nth)) (global.get $n))))
  (func $can_go (param $i i32) (result i32)
    (i32.or
      (i32.eq (i32.load8_u (local.get $i)) (i32.const 2))
      (i32.eqz (i32.load8_u (call $fork (local.get $i) (i32.load8_u (local.get $i)))))))
  (func (export "alternatives") (result i32)
    (local $i i32)
    (local $count i32)
    (loop $next
      (local.set $count (i32.add (local.get $count) (call $can_go (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (global.get $n))))
    (local.get $count))
  (func (export "choose") (param $alternative i32)
    (local $i i32)
    (local $phase i32)
    (block $found
      (loop $next
        (if (call $can_go (local.get $i))
          (then
            (br_if $found (i32.eqz (local.get $alternative)))
            (local.set $alternative (i32.sub (local.get $alternative) (i32.const 1)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.set $phase (i32.load8_u (local.get $i)))
    (i32.store8 (local.get $i) (i32.rem_u (i32.add (local.get $phase) (i32.const 1)) (i32.const 3)))
    (if (i32.lt_u (local.get $phase) (i32.const 2))
      (then (i32.store8 (call $fork (local.get $i) (local.get $phase)) (i32.const 1)))
      (else
        (i32.store8 (call $fork (local.get $i) (i32.const 0)) (i32.const 0))
        (i32.store8 (call $fork (local.get $i) (i32.const 1)) (i32.const 0))))))

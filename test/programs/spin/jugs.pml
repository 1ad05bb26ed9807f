/* The jugs of examples/models/jugs.c: each branch is one step. */
byte small, big;

active proctype jugs() {
  byte poured;
end:
  do
  :: d_step { small = 3 }
  :: d_step { big = 5 }
  :: d_step { small = 0 }
  :: d_step { big = 0 }
  :: d_step { poured = (small < 5 - big -> small : 5 - big); small = small - poured; big = big + poured; poured = 0 }
  :: d_step { poured = (big < 3 - small -> big : 3 - small); big = big - poured; small = small + poured; poured = 0 }
  od
}

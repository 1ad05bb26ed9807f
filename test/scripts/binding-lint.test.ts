import { expect, test } from 'vitest'

import { violationsIn } from '../../scripts/binding-lint.js'

test.each([
  'error_class.Value().Call({code, message})',
  'object.Get("name")',
  'exports->Set("name", value)',
  'constructor.New({code})',
  'Napi::ArrayBuffer::New(env, data, size, finalize)',
  'Napi::Buffer<char>::Copy(env, data, size); Napi::Buffer<char>::New(env, data, size)',
  'throw Napi::Error::New(env, "no")',
  'error.ThrowAsJavaScriptException()',
  'Napi::Value f(const Napi::CallbackInfo& info)',
])('the lint of the binding refuses %s', (line) => {
  expect(violationsIn('memory.cc', `int a;\n  ${line};\n`)).toEqual([expect.stringMatching(/^memory.cc:2: /)])
})

test.each(['Napi::Number::New(env, 1)', 'handles.get(handle)', 'int a;  // what Call() and .Get( would do'])(
  'the lint of the binding allows %s',
  (line) => {
    expect(violationsIn('memory.cc', line)).toEqual([])
  },
)

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { checkSources, sharedCode, without } from '../../scripts/structure/rules.js'
import { readSources } from '../../scripts/structure/source.js'

/** What the rules say of these files: `file:line rule name`. */
async function broken(files: Record<string, string>): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'pagestore-'))
  try {
    for (const [file, text] of Object.entries({ 'include/a.h': '', ...files })) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    const folders = [...new Set(Object.keys(files).map((file) => file.split('/')[0]!))]
    const violations = [...checkSources(root, await readSources(root, folders)), ...sharedCode(root, folders)]
    return violations.map(({ file, line, rule, name }) => `${file}:${line} ${rule} ${name}`.trim())
  } finally {
    rmSync(root, { recursive: true })
  }
}

const repeat = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('')

test('an include that points up, or from one pillar to the other, or from no floor', async () => {
  expect(
    await broken({
      'native/system/status.h': '#include <cstdio>\n#include "store/page.h"\n',
      'native/store/page.h': '#include "linux/regions.h"\n#include "xxhash.h"\n',
      'native/linux/regions.h': '#include <a.h>\n',
      'native/memory/tracker.h': '#include "snapshot/tree.h"\n#include "memory/tracee/tracee.h"\n',
      'native/memory/tracee/tracee.h': '#include "system/region.h"\n',
      'native/snapshot/tree.h': '',
      'native/system/region.h': '',
      'native/somewhere/else.h': '',
      'native/test/store/store_test.cc': '#include "binding/addon.h"\n',
    }),
  ).toEqual([
    'native/memory/tracker.h:2 floors native/memory/tracee/tracee.h',
    'native/somewhere/else.h:1 floors',
    'native/store/page.h:1 floors native/linux/regions.h',
    'native/system/status.h:2 floors native/store/page.h',
  ])
})

test('an import that points up, of a type, too', async () => {
  expect(
    await broken({
      'lib/errors.ts': "import type { Store } from './store.js'\n",
      'lib/store.ts': "import { native } from './addon/native.js'\nexport * from './explore/search.js'\n",
      'lib/addon/native.ts': "import 'node:fs'\nimport { PageStoreError } from '../errors.js'\n",
      'lib/explore/search.ts': "const later = await import('../cli/main.js')\n",
      'lib/cli/main.ts': "import { Store } from '../store.js'\n",
    }),
  ).toEqual([
    'lib/errors.ts:1 floors lib/store.ts',
    'lib/explore/search.ts:1 floors lib/cli/main.ts',
    'lib/store.ts:2 floors lib/explore/search.ts',
    'lib/addon/native.ts:1 cycles',
  ])
})

test('a cycle within a folder', async () => {
  expect(
    await broken({
      'native/store/a.h': '#include "store/b.h"\n',
      'native/store/b.h': '#include "store/c.h"\n',
      'native/store/c.h': '#include "store/a.h"\n',
      'native/store/d.h': '#include "store/a.h"\n',
      'lib/a.ts': "import type { B } from './b.js'\n",
      'lib/b.ts': "import type { A } from './a.js'\n",
    }),
  ).toEqual(['lib/a.ts:1 cycles', 'native/store/a.h:1 cycles'])
})

test('a class with too many private methods', async () => {
  const cpp = (count: number) => `
class Box : public Lid {
  ${repeat(count - 3, (i) => `[[nodiscard]] const Status* f${i}(int a) const;\n`)}
  Box();
  template <typename T>
  T g(T t) { return t; }
  int field_;
  void (*callback_)(int);
  std::function<void(int)> function_;
  struct Inner { void f(); };
  Box(const Box&) = delete;

 public:
  void open();

 private:
  static Status close(int how);
};
struct Plain { ${repeat(20, (i) => `void f${i}();\n`)} };
`
  const typescript = (count: number) => `
class Box {
  #field = 1
  ${repeat(count - 1, (i) => `#f${i}(): void {}\n`)}
  private g() {}
  h() {}
}
`
  expect(
    await broken({
      'native/system/few.h': cpp(15),
      'native/system/many.h': cpp(16),
      'lib/few.ts': typescript(15),
      'lib/many.ts': typescript(16),
    }),
  ).toEqual(['lib/many.ts:2 private-methods Box', 'native/system/many.h:2 private-methods Box'])
})

test('a function that is too long, or takes too much, and a file that is too long', async () => {
  const body = (count: number, i: number) => repeat(count - 2, (j) => `  step${i}${j}();\n`)
  expect(
    await broken({
      'native/system/a.cc': `Status Box::at(int x)\n{\n${body(59, 0)}}\nStatus Box::over(int x) {\n${body(61, 1)}}\n`,
      'native/system/b.cc': `void f(int a, int b, int c, int d, int e) {}\nint* g(int, int, int, int, int, ...);\n`,
      'lib/a.ts': `function at() {\n${body(60, 0)}}\nconst over = () => {\n${body(61, 1)}}\n`,
      'lib/b.ts':
        'class A {\n  f(a: 1, b: 1, c: 1, d: 1, e: 1 /* five */) {}\n  g(a: 1, b: 1, c: 1, d: 1, e: 1, ...f: 1[]) {}\n}\n',
      'lib/c.ts': repeat(400, () => '\n'),
      'lib/d.ts': repeat(401, () => '\n'),
    }),
  ).toEqual([
    'lib/a.ts:61 function-lines over',
    'lib/b.ts:3 parameters g',
    'lib/d.ts:1 file-lines lib/d.ts',
    'native/system/a.cc:61 function-lines over',
    'native/system/b.cc:2 parameters g',
  ])
})

test('retired words in identifiers, and not in what is said', async () => {
  expect(
    await broken({
      'native/system/a.h': `
// A place that is held.
#define PLACE(x) replace(x, stop_place, "place")
const char* kText = "a place";
struct Placement { uint64_t place_; uint64_t kStopPlace; };
void has_gone();
bool is_known();
void is_known(int);
auto t = std::chrono::steady_clock::now();
printf("%" PRIu64 "place\\n", ways);
`,
      'native/system/watching.h': '',
      'native/test/store/a_test.cc':
        'TEST(Store, HoldsThePlace) { store.hold(); }\nTEST_P(Ways, Look) {}\nint f(Way way);\n',
      'lib/a.ts':
        "/** the way */\nconst kind: 'place' = x.firstWay + `a way $" +
        '{way}`\nlookUp(threshold)\nclass A { isDone(): void {} }\n',
    }),
  ).toEqual([
    'lib/a.ts:2 words firstWay',
    'lib/a.ts:2 words way',
    'lib/a.ts:4 words isDone',
    'native/system/a.h:3 words PLACE',
    'native/system/a.h:3 words stop_place',
    'native/system/a.h:5 words place_',
    'native/system/a.h:5 words kStopPlace',
    'native/system/a.h:6 words has_gone',
    'native/system/a.h:10 words ways',
    'native/system/a.h:6 words has_gone',
    'native/system/a.h:8 words is_known',
    'native/system/watching.h:1 words watching',
    'native/test/store/a_test.cc:1 words hold',
    'native/test/store/a_test.cc:3 words Way',
    'native/test/store/a_test.cc:3 words way',
  ])
})

test('calls in the binding by which node-addon-api would run JavaScript', async () => {
  const code = `
Napi::Value f(const Napi::CallbackInfo& info) {
  function.Call({});
  object->Get("a");
  constructor.New({});
  Napi::ArrayBuffer::New(env, data, 1);  // .Has(
  exports->Set("a", value);
  throw Napi::Error::New(env, "no");
  return Napi::Number::New(env, own.get());
}
`
  expect(await broken({ 'native/binding/a.cc': code, 'native/memory/a.cc': code })).toEqual([
    'native/binding/a.cc:3 calls Call',
    'native/binding/a.cc:4 calls Get',
    'native/binding/a.cc:5 calls New',
    'native/binding/a.cc:6 calls Napi::ArrayBuffer::New',
    'native/binding/a.cc:7 calls Set',
    'native/binding/a.cc:8 calls Napi::Error::New',
  ])
})

test('code that the parser does not understand is reported, as nothing in it would be found', async () => {
  expect(await broken({ 'native/system/a.cc': 'void f() {\n}}\n}\n' })).toEqual(['native/system/a.cc:2 unread }'])
})

test('places that share six lines or more, from twenty pairs on', async () => {
  const shared = (i: number) => repeat(6, (j) => `  const value${i}_${j} = compute(${i}, ${j}) + offset\n`)
  const files = (pairs: number) =>
    Object.fromEntries(
      Array.from({ length: pairs }, (_, i) => [
        [`lib/a${i}.ts`, `export function a${i}() {\n${shared(i)}  return 1\n}\n`],
        [`lib/b${i}.ts`, `export const b${i} = (x: number) => {\n  // Again.\n${shared(i)}  print(x)\n}\n`],
      ]).flat(),
    )
  expect(await broken(files(19))).toEqual([])
  const found = await broken(files(20))
  expect(found).toHaveLength(20)
  expect(found[0]).toMatch(/^lib\/[ab]\d+\.ts:\d+ shared-code/)
})

test('what is excepted is left out, and an exception that nothing needs is reported', () => {
  const found = { rule: 'words', file: 'lib/a.ts', line: 3, name: 'ways', message: 'no' }
  const why = 'an interface of somebody else'
  expect(without([found], [{ rule: 'words', file: 'lib/a.ts', name: 'ways', why }])).toEqual([])
  expect(without([found], [{ rule: 'words', file: 'lib/a.ts', why }])).toEqual([])
  expect(without([found], [{ rule: 'words', file: 'lib/b.ts', name: 'ways', why }]).map(({ rule }) => rule)).toEqual([
    'words',
    'exceptions',
  ])
})

/** Programs of other people, with something to do that reads files for a while and prints as it goes. */

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface RealProgram {
  name: string
  file: string
  args: string[]
}

/** Makes their inputs in `folder`. */
export function realPrograms(folder: string): RealProgram[] {
  const at = (name: string) => join(folder, name)
  const put = (name: string, text: string) => {
    writeFileSync(at(name), text)
    return at(name)
  }
  const lines = Array.from({ length: 30_000 }, (_, i) => `${(i * 7919) % 30_011} line ${(i * 31) % 997}`)
  const text = put('text', `${lines.join('\n')}\n`)
  const rows = Array.from({ length: 8000 }, (_, i) => ({ id: i, name: `n${i % 77}`, value: i * 3 }))
  const json = put('rows.json', JSON.stringify(rows))
  const large = put('large', `${lines.join('\n')}\n`.repeat(30))
  const functions = Array.from(
    { length: 200 },
    (_, i) => `int f${i}(int a, int b) { int s = 0; for (int i = 0; i < a; i++) s += b * i ^ ${i}; return s; }`,
  )
  const source = put('source.i', `${functions.join('\n')}\n`)
  const python = put(
    'count.py',
    `import hashlib, json
digest, n = hashlib.sha256(), 0
for line in open('${text}'):
    n += len(line)
    digest.update(line.encode())
    if n % 97 == 0: print(n)
print(digest.hexdigest(), len(json.load(open('${json}'))))
`,
  )
  const perl = put(
    'count.pl',
    `open F, '<', '${text}'; my %sums;
while (<F>) { my @words = split; $sums{$words[2]} += $words[0]; print "$.\\n" if $. % 5000 == 0 }
print "$_ $sums{$_}\\n" for sort keys %sums;
`,
  )
  const awk =
    '{ sum[$3] += $1; if (NR % 5000 == 0) print NR } END { n = asorti(sum, s); while (n) print s[n], sum[s[n--]] }'
  const compiler = execFileSync('cc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).trim()
  return [
    { name: 'openssl', file: '/usr/bin/openssl', args: ['dgst', '-sha256', large] },
    { name: 'python3', file: '/usr/bin/python3', args: [python] },
    { name: 'perl', file: '/usr/bin/perl', args: [perl] },
    { name: 'jq', file: '/usr/bin/jq', args: ['-c', 'map(select(.value % 7 == 0)) | .[]', json] },
    { name: 'sort', file: '/usr/bin/sort', args: ['--parallel=1', '-n', text] },
    { name: 'gzip', file: '/usr/bin/gzip', args: ['-nc', text] },
    { name: 'gawk', file: '/usr/bin/gawk', args: [awk, text] },
    { name: 'cc1', file: compiler, args: ['-quiet', '-O1', source, '-o', '-'] },
  ]
}

/** What the environment tells programs that were compiled with a sanitizer. */

// LeakSanitizer works by ptrace, and refuses to work under another tracer: at its end such a program would exit with 1.
const withoutLeaks = 'detect_leaks=0'

/** The same environment, in which nobody looks for leaks. Of an option that is given twice, the last one counts. */
export function withoutLeakCheck(env: Readonly<Record<string, string>>): Record<string, string> {
  const changed = { ...env }
  for (const name of ['ASAN_OPTIONS', 'LSAN_OPTIONS']) {
    const given = env[name]
    changed[name] = given === undefined || given === '' ? withoutLeaks : `${given}:${withoutLeaks}`
  }
  return changed
}

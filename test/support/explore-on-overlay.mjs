// Explores a program that works in a folder on an overlay file system, and prints, as JSON, how it ended and what was
// warned of.
import { explore, Program } from 'pagestore/explore'

import { mountOverlay } from './overlay.mjs'

const [program = '', folder = '', ...args] = process.argv.slice(2)
const cwd = mountOverlay(folder)
const { complete, violations, warnings } = await explore(new Program(program, args, { cwd }), { maxStates: 100 })
console.log(JSON.stringify({ complete, violations: violations.map(({ property }) => property), warnings }))

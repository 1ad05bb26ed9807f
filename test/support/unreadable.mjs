// Explores a program as a user that may do nothing special, and says what came of it.
import { explore, Program } from 'pagestore/explore'

process.setgid?.(65534)
process.setuid?.(65534)
const found = await explore(new Program(String(process.argv[2]))).catch((error) => error)
console.log(found instanceof Error ? `${Reflect.get(found, 'code')} ${found.message}` : `complete ${found.complete}`)

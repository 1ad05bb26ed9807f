// A server with a thread for each request is observed, and its observers are killed: whoever asks it notices nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { killObserver } from '../support/survivors.js'

const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 0)
const seed = Number(process.env['PAGESTORE_TEST_SEED'] ?? Date.now() % 1e9)

const program = `
import http.server, sys, time
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.001)
        body = ('answer to ' + self.path).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *rest):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answers)
print(server.server_address[1], flush=True)
server.serve_forever()
`

async function ask(port: number, path: string): Promise<string> {
  const [response] = await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')
  return await text(response)
}

test(`no request of a threaded server is lost while its observers are killed (seed ${seed})`, async () => {
  const server = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(server.stdout, 'data')
  const port = Number(String(said))
  let isOver = false
  let asked = 0
  async function keepAsking(name: string): Promise<void> {
    for (let i = 0; !isOver; ++i) {
      asked += 1
      expect(await ask(port, `/${name}/${i}`)).toBe(`answer to /${name}/${i}`)
    }
  }
  const clients = ['a', 'b', 'c', 'd'].map(keepAsking)
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const kills = rounds > 0 ? rounds / 4 : 4
  for (let i = 0; i < kills; ++i) await killObserver('loop', server.pid!, random)
  const before = asked
  while (asked < before + 8) await new Promise(setImmediate)
  isOver = true
  await Promise.all(clients)
  if (rounds > 0) console.log(`${asked} requests answered, ${kills} kills`)
  server.kill()
  await once(server, 'exit')
})

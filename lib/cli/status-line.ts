/** Shows how far a job is: on a terminal in one line that changes, elsewhere in a plain line now and then. */

export interface StatusLine {
  show(text: () => string): void
  clear(): void
}

const perLine = 10_000 // milliseconds
const perChange = 100

export function createLine(stream: NodeJS.WriteStream): StatusLine {
  let last = performance.now() - (stream.isTTY ? perChange : 0)
  let isShown = false
  return {
    show(text) {
      const now = performance.now()
      if (now - last < (stream.isTTY ? perChange : perLine)) return
      last = now
      isShown = stream.isTTY
      stream.write(stream.isTTY ? `\r\x1b[2K${text().slice(0, (stream.columns || 80) - 1)}` : `${text()}\n`)
    },
    clear() {
      if (isShown) stream.write('\r\x1b[2K')
      isShown = false
    },
  }
}

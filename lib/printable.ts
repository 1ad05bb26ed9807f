/**
 * Text that a program or a file's name gave, for a terminal and for messages of one line: nothing in it may move the
 * cursor, change colours, begin a line or write from right to left.
 */

// Control and format characters, halves of pairs, and what separates lines and paragraphs.
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80) return short[character] ?? `\\x${code.toString(16).padStart(2, '0')}`
  return unicode(character)
}

function unicode(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  }).join('')
}

/** The text, with an escape sequence of JavaScript's in place of each character that is more than it looks. */
export function printable(text: string): string {
  return text.replace(unprintable, escaped)
}

/** Text of several lines of our own, in which nothing but their ends is left: what is in a line must have none. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** JSON that means the same: line ends between its parts stay. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (character) => (character === '\n' ? character : unicode(character)))
}

/** A word as a shell needs it; with the escapes that bash, zsh and ksh know where it cannot be printed as it is. */
export function quotedForShell(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (word.search(unprintable) < 0) return `'${word.replaceAll("'", "'\\''")}'`
  return `$'${word.replace(/[\\']/g, '\\$&').replace(unprintable, escaped)}'`
}

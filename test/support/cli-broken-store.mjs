// Preloaded into the command line: a store that gives back a wrong byte, at once or only when it is read at the end.
import { PageStore } from '../../dist/lib/index.js'

const { storePages, getPage } = PageStore.prototype
const broken = process.env['BROKEN']
let due = 0

/** @type {PageStore['storePages']} */
PageStore.prototype.storePages = function (pages) {
  const numbers = storePages.call(this, pages)
  due = numbers.length
  return numbers
}

/** @type {PageStore['getPage']} */
PageStore.prototype.getPage = function (n) {
  const page = Buffer.from(getPage.call(this, n))
  const when = due-- > 0 ? 'at once' : 'at the end'
  if (when === broken) page.writeUInt8(page.readUInt8(100) ^ 1, 100)
  return page
}

/** Numbers for people. */

export function count(n: number): string {
  return n.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** `1.5 GiB` */
export function bytes(n: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = n < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(n) / 10))
  const value = n / 1024 ** power
  return `${power === 0 ? count(value) : value.toLocaleString('en-US', { maximumFractionDigits: 1 })} ${units[power]}`
}

/** `12.3 %` of a whole that may be nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`
}

/** A sample of a stream whose length is not known: each item is as likely to be in it (Vitter's algorithm R). */

export interface Reservoir<T> {
  readonly items: readonly T[]
  /** Makes the next item and keeps it, or not. @returns whether it was kept */
  offer(make: () => T): boolean
}

/** @param drop is called with an item that another one replaces */
export function createReservoir<T>(size: number, random: () => number, drop: (item: T) => void): Reservoir<T> {
  const items: T[] = []
  let offered = 0
  return {
    items,
    offer(make) {
      offered++
      if (items.length < size) {
        items.push(make())
        return true
      }
      const slot = Math.floor(random() * offered)
      const replaced = items[slot]
      if (replaced === undefined) return false
      drop(replaced)
      items[slot] = make()
      return true
    },
  }
}

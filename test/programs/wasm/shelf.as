// Books on a shelf: AssemblyScript's objects, strings and garbage collection.
//   cp shelf.as shelf.ts && npx asc shelf.ts -o shelf.wasm -O   (assemblyscript 0.28.20)
const shelf: string[] = []
let steps: i32 = 0
let weight: f64 = 0

export function alternatives(): i32 {
  return steps == 5 ? -1 : 3
}

export function choose(alternative: i32): void {
  steps++
  if (alternative == 0) {
    shelf.push('book '.repeat(3000 + steps) + steps.toString())
    weight += 0.1
  } else if (alternative == 1 && shelf.length > 0) {
    shelf.pop()
    weight -= 0.1
  } else {
    shelf.reverse()
    if (shelf.length > 3) throw new Error('the shelf breaks')
  }
}

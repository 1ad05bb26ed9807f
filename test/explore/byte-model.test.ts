import { ByteModel, explore } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

describe('a model that cannot be explored is refused, and no count is made of it', () => {
  const state = new Uint8Array(1)
  const later = async () => {
    await Promise.resolve()
    state[0] = 1
  }
  test.each<[string, object, RegExp]>([
    ['chooses later', { alternatives: () => 2, choose: later }, /choose returned a promise/],
    ['counts later', { alternatives: async () => 2, choose() {} }, /alternatives returned a promise/],
    ['counts by a fraction', { alternatives: () => 1.5, choose() {} }, /alternatives returned 1\.5/],
    ['counts by nothing', { alternatives: () => undefined, choose() {} }, /alternatives returned undefined/],
    ['counts by a bigint', { alternatives: () => 2n, choose() {} }, /alternatives returned 2n/],
    [
      'takes another array',
      {
        alternatives: () => 2,
        choose(this: { state: Uint8Array }) {
          this.state = new Uint8Array(1)
        },
      },
      /another array/,
    ],
  ])('one that %s', async (_, model, message) => {
    const subject = new ByteModel({ state, ...model } as never)
    await expect(explore(subject)).rejects.toMatchObject({ code: 'ERR_MODEL', message: expect.stringMatching(message) })
  })
})

test('what counts are all bytes; what `alternatives` writes counts, too', async () => {
  const state = Uint8Array.from([9, 0])
  const model = {
    state,
    alternatives() {
      state[1] = state[0] === 9 ? 0 : 1
      return 2
    },
    choose(alternative: number) {
      state[0] = alternative
    },
  }
  expect(await explore(new ByteModel(model))).toMatchObject({ complete: true, states: 3, transitions: 6 })
  expect([...state]).toEqual([9, 0])
})

test('what `choose` returns is not used, and may refuse every question', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const state = new Uint8Array(1)
  const throwing = new Proxy(
    {},
    {
      has() {
        throw new Error('do not ask')
      },
    },
  )
  for (const returned of [proxy, throwing]) {
    const choose = (alternative: number) => {
      state[0] = alternative
      return returned as unknown as undefined
    }
    const found = await explore(new ByteModel({ state, alternatives: () => 2, choose }))
    expect(found).toMatchObject({ complete: true, states: 2, transitions: 4, violations: [] })
  }
})

/** Bodies of starts over HTTP: how large one may be, and all of them together. */
import { expect, it } from 'vitest'
import { Bodies } from '../../src/endpoints/http/bodies.ts'

const MIB = 1024 * 1024

/** A request whose body comes as it is written, and is as long as it says. */
function request(size: number, headers: Record<string, string> = {}): { request: Request; rest: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode(`"${'x'.repeat(size - 2)}`))
      await promise
      controller.enqueue(new TextEncoder().encode('"'))
      controller.close()
    },
  })
  const init = {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { 'content-type': 'application/json', ...headers },
  }
  return { request: new Request('http://127.0.0.1/', init as RequestInit), rest: resolve }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('one may be as large as an input, and a little more', async () => {
  const bodies = new Bodies(2 * MIB)
  const fits = request(2 * MIB)
  fits.rest()
  expect(await bodies.json(fits.request)).toHaveLength(2 * MIB - 2)
  const tooLarge = request(2 * MIB + 70_000)
  await expect(bodies.json(tooLarge.request)).rejects.toMatchObject({ code: 'request_too_large' })
  // Whoever says so beforehand need not send it.
  const announced = request(10, { 'content-length': String(3 * MIB) })
  await expect(bodies.json(announced.request)).rejects.toMatchObject({ code: 'request_too_large' })
})

it('large ones that come slowly wait for each other, and keep no small one out', async () => {
  const bodies = new Bodies(8 * MIB)
  const slow = Array.from({ length: 8 }, () => request(8 * MIB - 2))
  const reads = slow.map(({ request }) => bodies.json(request))
  await tick()
  const another = request(8 * MIB - 2)
  await expect(bodies.json(another.request)).rejects.toMatchObject({ code: 'too_much_at_once' })
  bodies.release(another.request)
  const small = request(1000)
  small.rest()
  expect(await bodies.json(small.request)).toHaveLength(998)
  slow[0]?.rest()
  await reads[0]
  bodies.release(slow[0]!.request)
  const next = request(8 * MIB - 2)
  next.rest()
  expect(await bodies.json(next.request)).toHaveLength(8 * MIB - 4)
  for (const { rest } of slow) rest()
  await Promise.all(reads)
})

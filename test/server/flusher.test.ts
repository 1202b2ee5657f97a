import { Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { corkForThisTask, corkForThisTurn } from '../../src/server/flusher.ts'

/** Keeps what each of its writes brings, and counts the writes. */
class Kept extends Writable {
  readonly writes: string[] = []

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString())
    callback()
  }
}

class Broken extends Writable {
  override _write(): void {
    throw new Error('broken')
  }
}

describe.each([
  ['corkForThisTurn', corkForThisTurn],
  ['corkForThisTask', corkForThisTask],
])('%s', (_name, cork) => {
  it('makes one write a socket of what is sent together', async () => {
    const sockets = [new Kept(), new Kept()]
    for (const text of ['a', 'b', 'c']) {
      for (const socket of sockets) {
        cork(socket)
        socket.write(text)
      }
    }
    expect(sockets.map(({ writes }) => writes)).toEqual([[], []])
    await nextTurn()
    expect(sockets.map(({ writes }) => writes)).toEqual([['abc'], ['abc']])
  })

  it('begins anew once it has written', async () => {
    const socket = new Kept()
    for (const text of ['a', 'b']) {
      cork(socket)
      socket.write(text)
      await nextTurn()
    }
    expect(socket.writes).toEqual(['a', 'b'])
  })

  it('ends a socket that fails, and writes to the others', async () => {
    const broken = new Broken()
    const failed = new Promise((resolve) => broken.once('error', resolve))
    const last = new Kept()
    for (const socket of [broken, last]) {
      cork(socket)
      socket.write('a')
    }
    expect(await failed).toEqual(new Error('broken'))
    await nextTurn()
    expect(broken.destroyed).toBe(true)
    expect(last.writes).toEqual(['a'])
    expect(last.writableCorked).toBe(0)
  })
})

it('a task that has many sockets to write to holds none of them longer than itself', async () => {
  const socket = new Kept()
  corkForThisTask(socket)
  socket.write('a')
  await Promise.resolve()
  expect(socket.writes).toEqual(['a'])
})

import type { Socket } from 'node:net'
import { type Mock, vi } from 'vitest'

/** Counts what a socket hands to the kernel, one chunk or many at a time. */
export function spyOnWrites(socket: Socket): Mock<() => void> {
  const calls = vi.fn<() => void>()
  const internals = socket as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>
  for (const name of ['_write', '_writev'] as const) {
    const original = internals[name].bind(socket)
    internals[name] = (...args) => {
      calls()
      original(...args)
    }
  }
  return calls
}

import type { StreamStore } from '../../src/streams/store.ts'

/** What becomes of a call: `call` makes it. `method` is `append`, `leases.renew`, … */
export type Around = (
  method: string,
  call: () => Promise<unknown>,
  args: readonly unknown[],
) => Promise<unknown>

/** A store whose calls pass through a hand of the test, which may fail, hold or watch them. */
export class InterposedStore {
  readonly store: StreamStore
  /** Passes everything by default. */
  around: Around = (_method, call) => call()
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = []

  constructor(inner: StreamStore) {
    const leases = this.#wrap(inner.leases, 'leases.')
    this.store = this.#wrap(inner, '', { leases })
  }

  /** The process dies: nothing it does reaches the store, and nothing is answered. */
  kill(): void {
    this.around = () => new Promise(() => undefined)
  }

  /** The process stands still: its calls wait until the returned function is called. */
  freeze(): () => void {
    const thawed = Promise.withResolvers<void>()
    this.around = async (_method, call) => {
      await thawed.promise
      return call()
    }
    return () => {
      this.around = (_method, call) => call()
      thawed.resolve()
    }
  }

  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length
  }

  #wrap<T extends object>(inner: T, prefix: string, replaced: Partial<T> = {}): T {
    return new Proxy(inner, {
      get: (target, name) => {
        if (name in replaced) return replaced[name as keyof T]
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): Promise<unknown> => {
          const method = `${prefix}${String(name)}`
          this.calls.push({ method, args })
          const call = (): Promise<unknown> => Reflect.apply(member, target, args) as Promise<unknown>
          return this.around(method, call, args)
        }
      },
    })
  }
}

import { useEffect, useState } from 'react'

/** What answers, as the server says. */
export interface ModelInfo {
  /** Null when a script answers. */
  readonly name: string | null
  /** Whether an answer goes on when the server dies. */
  readonly canResume: boolean
  /** The files that a message may contain, as `<input accept>` takes them. */
  readonly accept: string
}

/** Undefined until it is known, null where it cannot be told. */
export function useModel(address: string): ModelInfo | null | undefined {
  const [model, setModel] = useState<ModelInfo | null>()
  useEffect(() => {
    const left = new AbortController()
    const load = async () => {
      const response = await fetch(address, { signal: left.signal })
      setModel(response.ok ? ((await response.json()) as ModelInfo) : null)
    }
    load().catch(() => {
      if (!left.signal.aborted) setModel(null)
    })
    return () => left.abort()
  }, [address])
  return model
}

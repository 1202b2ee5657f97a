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

/** Undefined until it is known. */
export function useModel(address: string): ModelInfo | undefined {
  const [model, setModel] = useState<ModelInfo>()
  useEffect(() => {
    const left = new AbortController()
    const load = async () => {
      const response = await fetch(address, { signal: left.signal })
      if (response.ok) setModel((await response.json()) as ModelInfo)
    }
    // The page does without: it says nothing of the model then.
    load().catch(() => {})
    return () => left.abort()
  }, [address])
  return model
}

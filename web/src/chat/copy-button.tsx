import { type ReactElement, useEffect, useState } from 'react'
import { copyText } from '../clipboard.ts'
import { useNotify } from './notices.ts'

interface CopyButtonProps {
  /** What is copied, for whoever hears the page. */
  readonly what: string
  readonly text: () => string
}

/** For how long the button says what became of it, in milliseconds. */
const SAID_FOR = 2_000

export function CopyButton({ what, text }: CopyButtonProps): ReactElement {
  const [result, setResult] = useState<'' | 'Copied' | 'Not copied'>('')
  const notify = useNotify()

  useEffect(() => {
    if (result === '') return
    const timer = setTimeout(() => setResult(''), SAID_FOR)
    return () => clearTimeout(timer)
  }, [result])

  const copy = async () => {
    const said = (await copied(text())) ? 'Copied' : 'Not copied'
    setResult(said)
    notify(`${said}.`)
  }

  return (
    <button type="button" className="tool" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      {result || 'Copy'}
    </button>
  )
}

async function copied(text: string): Promise<boolean> {
  // Outside of a secure context a browser copies only what is selected in an element.
  const area = document.createElement('textarea')
  area.className = 'hidden'
  area.value = text
  document.body.append(area)
  try {
    return await copyText(text, area)
  } finally {
    area.remove()
  }
}

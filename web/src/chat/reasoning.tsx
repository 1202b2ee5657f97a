import { type ReactElement, useState } from 'react'
import { Markdown } from './markdown/markdown.tsx'

/** What a model thought before it answered: folded, and drawn when somebody opens it. */
export function Reasoning({
  text,
  isOpen,
}: {
  readonly text: string
  readonly isOpen: boolean
}): ReactElement {
  const [isShown, setShown] = useState(false)
  return (
    <details className="fold" onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary data-busy={isOpen}>{isOpen ? 'Thinking' : 'Thoughts'}</summary>
      {isShown && <Markdown text={text} isOpen={isOpen} />}
    </details>
  )
}

/** The Markdown of a model, drawn while it comes. */
import { type ReactElement, memo, useDeferredValue, useEffect, useState } from 'react'
import type { Block } from './block.ts'
import { BlockReader } from './block-reader.ts'
import { CodeBlock } from './code-block.tsx'
import { MarkdownBlock } from './markdown-block.tsx'
import { asUnfinished } from './unfinished.ts'

interface MarkdownProps {
  readonly text: string
  /** Whether more of it comes. */
  readonly isOpen: boolean
}

/** Characters of a text that is drawn in slices of time, beside what the reader does. */
const LONG = 64_000

/** Each frame parses and draws the last block only; the others stay as they are. */
export const Markdown = memo(function Markdown({ text, isOpen }: MarkdownProps): ReactElement {
  const [reader] = useState(() => new BlockReader())
  // Only the first drawing of a long text waits: what is added later is drawn at once, since it is little.
  const first = useDeferredValue(text, text.length > LONG ? '' : text)
  const { sections, last, open } = reader.read(first === '' ? '' : text)
  // A block stays in its place when it is finished, or it would be made anew.
  const end = open ? [...last, isOpen ? unfinished(open) : open] : last
  return (
    <div className="markdown" data-fresh={useIsFresh(text, first !== '')}>
      {[...sections, end].map((blocks, index) => (
        <Section key={index} blocks={blocks} />
      ))}
    </div>
  )
})

/**
 * Whether a long text was put into the page just now. What is not at its end is hidden then: until its first frame the
 * browser does not know that it is out of view, and would lay out all of it.
 */
function useIsFresh(text: string, isThere: boolean): boolean {
  const [isFresh, setFresh] = useState(text.length > LONG)
  useEffect(() => {
    if (!isFresh || !isThere) return
    const frame = requestAnimationFrame(() => setFresh(false))
    return () => cancelAnimationFrame(frame)
  }, [isFresh, isThere])
  return isFresh
}

/** The browser leaves out the layout of sections that are not in view. */
const Section = memo(function Section({ blocks }: { readonly blocks: readonly Block[] }): ReactElement {
  return (
    <div className="section">
      {blocks.map((block, index) => (
        <OneBlock key={index} block={block} />
      ))}
    </div>
  )
})

const OneBlock = memo(function OneBlock({ block }: { readonly block: Block }): ReactElement {
  switch (block.kind) {
    case 'markdown':
      return <MarkdownBlock source={block.source} />
    case 'code':
      return <CodeBlock language={block.language} pieces={block.pieces} />
    case 'plain':
      return (
        <p className="plain" dir="auto">
          {block.source}
        </p>
      )
  }
})

function unfinished(block: Block): Block {
  return block.kind === 'markdown' ? { kind: 'markdown', source: asUnfinished(block.source) } : block
}

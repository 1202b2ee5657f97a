/** Code with its language, its colours and a button that copies it. */
import { type ReactElement, type ReactNode, memo, startTransition, useEffect, useState } from 'react'
import { CopyButton } from '../copy-button.tsx'
import { type Highlighter, loadHighlighter } from './highlight.ts'

interface CodeBlockProps {
  readonly language: string
  /** Joined, they are the code. Each is coloured by itself, and once, however long the code grows. */
  readonly pieces: readonly string[]
}

export function CodeBlock({ language, pieces }: CodeBlockProps): ReactElement {
  const highlighter = useHighlighter(language)
  return (
    <figure className="code">
      <figcaption>
        <bdi>{language.slice(0, 40) || 'code'}</bdi>
        <CopyButton what="code" text={() => pieces.join('').replace(/\n$/, '')} />
      </figcaption>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to take the focus */}
      <pre dir="ltr" tabIndex={0}>
        <code>
          {pieces.map((piece, index) => (
            <CodePiece
              key={index}
              code={piece}
              language={language}
              highlighter={index < MOST_COLOURED ? highlighter : undefined}
            />
          ))}
        </code>
      </pre>
    </figure>
  )
}

interface CodePieceProps {
  readonly code: string
  readonly language: string
  readonly highlighter: Highlighter | undefined
}

/** Pieces of a code that have colours, each of some 6,000 characters. Longer ones have very long lines, and none. */
const MOST_COLOURED = 16
const LONG = 12_000

const CodePiece = memo(function CodePiece({ code, language, highlighter }: CodePieceProps): ReactElement {
  if (!highlighter || code.length > LONG) return <span className="piece">{visible(code)}</span>
  return (
    <span className="piece">
      {highlighter(code, language).map(({ type, text }, index) =>
        type === undefined || type === 'space' || type === 'identifier' ? (
          visible(text)
        ) : (
          <span key={index} data-token={type}>
            {visible(text)}
          </span>
        ),
      )}
    </span>
  )
})

/** Marks that change the direction of text: they make code look like other code. */
const DIRECTIONS = /([\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])/

/** Shows those marks by their numbers. */
function visible(text: string): ReactNode {
  if (!DIRECTIONS.test(text)) return text
  return text.split(DIRECTIONS).map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      <span key={index} className="direction">
        U+{part.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}
      </span>
    ),
  )
}

/** Undefined until it is loaded, and for code without a language. */
function useHighlighter(language: string): Highlighter | undefined {
  const [highlighter, setHighlighter] = useState<{ readonly highlight: Highlighter }>()
  useEffect(() => {
    if (language === '') return
    let isWanted = true
    loadHighlighter().then(
      (highlight) => {
        // Colours can wait for what the reader does.
        if (isWanted) startTransition(() => setHighlighter({ highlight }))
      },
      () => {},
    )
    return () => {
      isWanted = false
    }
  }, [language])
  return highlighter?.highlight
}

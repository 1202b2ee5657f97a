import { type ReactElement, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Button } from './button.tsx'
import { copyText } from './clipboard.ts'
import { isActive, type Run } from './run.ts'
import { useFollow } from './use-follow.ts'

interface OutputProps {
  readonly text: string
  /** The run that brings the last of the text. */
  readonly run: Run
  readonly onClear: () => void
  /** Told what a screen reader should say. */
  readonly onNotice: (notice: string) => void
  /** Shown below the text. */
  readonly children: ReactNode
}

/** For how long the button says that the text was copied, in milliseconds. */
const COPIED_FOR = 2_000

export function Output({ text, run, onClear, onNotice, children }: OutputProps): ReactElement {
  const area = useRef<HTMLTextAreaElement>(null)
  const shown = useRef('')
  const { following, follow, keepUp } = useFollow(area)
  const [copied, setCopied] = useState<'' | 'Copied' | 'Not copied'>('')

  useLayoutEffect(() => {
    if (area.current === null || text === shown.current) return
    write(area.current, shown.current, text)
    shown.current = text
    keepUp()
  }, [text, keepUp])

  // Whoever asks wants to see the answer come.
  useLayoutEffect(follow, [run.id, follow])

  useEffect(() => {
    if (copied === '') return
    const timer = setTimeout(() => setCopied(''), COPIED_FOR)
    return () => clearTimeout(timer)
  }, [copied])

  const copy = async () => {
    if (area.current === null) return
    const result = (await copyText(text, area.current)) ? 'Copied' : 'Not copied'
    setCopied(result)
    onNotice(`${result}.`)
  }

  return (
    <section className="panel" aria-label="Output">
      <div className="panel-head">
        <label htmlFor="openaiOutput">Output</label>
        <p className="asked">{run.prompt}</p>
        <div className="tools">
          <Button look="quiet" unavailable={text === ''} onPress={() => void copy()}>
            {copied || 'Copy'}
          </Button>
          <Button look="quiet" unavailable={run.status === 'ready' || isActive(run)} onPress={onClear}>
            Clear
          </Button>
        </div>
      </div>
      <div className="sheet">
        <textarea
          id="openaiOutput"
          ref={area}
          readOnly
          spellCheck={false}
          placeholder="What the server streams appears here."
        />
        {!following && (
          <button
            type="button"
            className="latest"
            onClick={() => {
              follow()
              // The button goes, and would take the focus with it.
              area.current?.focus()
            }}
          >
            Go to the end
          </button>
        )}
      </div>
      {children}
    </section>
  )
}

/** Appends where it can, because setting the value would take away what the reader has selected. */
function write(area: HTMLTextAreaElement, before: string, after: string): void {
  const end = area.value.length
  if (before !== '' && after.startsWith(before))
    area.setRangeText(after.slice(before.length), end, end, 'preserve')
  else area.value = after
}

import {
  type KeyboardEvent,
  type ReactElement,
  type SyntheticEvent,
  useEffect,
  useRef,
  useState,
} from 'react'
import type { ConnectionState } from '../../src/client/index.ts'
import { Button } from './button.tsx'
import { Hint, obstacle } from './hint.tsx'
import { isActive, type Run } from './run.ts'
import type { RunClient } from './run-client.ts'

interface ComposerProps {
  readonly client: RunClient
  readonly connection: ConnectionState
  /** Why there is no connection; empty where nobody knows. */
  readonly trouble: string
  readonly run: Run
  /** Told why nothing was sent, when the reader asks for it in vain. */
  readonly onNotice: (notice: string) => void
}

/** A touch screen would answer the focus with a keyboard over half the page. */
const HAS_KEYBOARD = window.matchMedia('(hover: hover) and (pointer: fine)').matches

export function Composer({ client, connection, trouble, run, onNotice }: ComposerProps): ReactElement {
  const [prompt, setPrompt] = useState('')
  const [refusal, setRefusal] = useState({ why: '', count: 0 })
  const box = useRef<HTMLTextAreaElement>(null)
  const active = isActive(run)
  const why = obstacle(run)

  useEffect(() => {
    if (HAS_KEYBOARD) box.current?.focus()
  }, [])

  useEffect(() => {
    // A prompt that got no answer goes back into the box, so that nobody types it twice.
    if (run.status === 'failed' || run.status === 'missing') setPrompt((typed) => typed || run.prompt)
  }, [run.status, run.prompt])

  const send = () => {
    if (client.start(prompt.trim())) {
      setPrompt('')
      onNotice('')
    } else if (why !== undefined) {
      setRefusal({ why, count: refusal.count + 1 })
      onNotice(why)
    }
  }

  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault()
    send()
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey) return
    // While an input method composes a word, Enter accepts the word.
    // oxlint-disable-next-line typescript/no-deprecated -- the key code is the only way in which Safari says so
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    event.preventDefault()
    if (!event.repeat) send()
  }

  return (
    <form className="composer" aria-label="Request" onSubmit={onSubmit}>
      <label className="hidden" htmlFor="prompt">
        Prompt
      </label>
      <textarea
        id="prompt"
        ref={box}
        rows={2}
        value={prompt}
        placeholder="Ask something, or leave this empty for ten numbers"
        aria-describedby="hint"
        enterKeyHint="send"
        autoComplete="off"
        onChange={(event) => setPrompt(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="composer-foot">
        <Hint
          key={refusal.count}
          connection={connection}
          trouble={trouble}
          run={run}
          stressed={why !== undefined && refusal.why === why}
        />
        <div className="actions">
          <Button type="submit" look="primary" unavailable={why !== undefined} describedBy="hint">
            Start
          </Button>
          <Button unavailable={!active || run.status === 'stopping'} onPress={() => client.stop()}>
            Stop
          </Button>
        </div>
      </div>
    </form>
  )
}

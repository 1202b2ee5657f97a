import { type ReactElement, useState } from 'react'
import type { UIMessage } from 'ai'
import type { LiveChatView, QueuedMessage } from '../../../src/react/chat/index.ts'
import { sentenceOf } from './errors.ts'
import { textOf } from './message-text.ts'
import { useNotify } from './notices.ts'

interface QueueProps extends Pick<LiveChatView, 'queue' | 'takeBack'> {
  /** Told of what was taken back, so that it can be sent otherwise. */
  readonly onTakenBack: (message: UIMessage) => void
}

/** The messages that wait for their turn, in whichever tab they were sent. Each can be taken back. */
export function Queue({ queue, takeBack, onTakenBack }: QueueProps): ReactElement | null {
  const [trouble, setTrouble] = useState('')
  const notify = useNotify()
  if (queue.length === 0) return null
  const take = async ({ id, message }: QueuedMessage) => {
    try {
      await takeBack(id)
      setTrouble('')
      notify('Taken back.')
      if (message) onTakenBack(message)
    } catch (error) {
      setTrouble(sentenceOf(error))
    }
  }
  return (
    <section className="queue" aria-label="Waiting messages">
      <ul>
        {queue.map((item) => (
          <li key={item.id} data-status={item.status}>
            <span className="queue-status">{LABELS[item.status]}</span>
            <span className="queued" dir="auto">
              {item.error ? sentenceOf(item.error) : summaryOf(item.message)}
            </span>
            <button type="button" className="tool" onClick={() => void take(item)}>
              Take back
            </button>
          </li>
        ))}
      </ul>
      {trouble !== '' && <p className="row-trouble">{trouble}</p>}
    </section>
  )
}

const LABELS: Record<QueuedMessage['status'], string> = {
  sending: 'Sending',
  waiting: 'Waits',
  refused: 'Refused',
}

function summaryOf(message: UIMessage | undefined): string {
  if (!message) return 'Another answer'
  return textOf(message).slice(0, 200) || 'An image'
}

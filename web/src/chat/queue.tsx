import { type ReactElement, useState } from 'react'
import type { ChatData } from './chat-data.ts'
import { sentenceOf } from './errors.ts'
import { textOf } from './message-text.ts'
import { useNotify } from './notices.ts'

type QueueProps = Pick<ChatData, 'queue'> & { readonly onTakeBack: ChatData['takeBack'] }

/** The messages that wait for their turn, each of which can be taken back. */
export function Queue({ queue, onTakeBack }: QueueProps): ReactElement | null {
  const [trouble, setTrouble] = useState('')
  const notify = useNotify()
  if (queue.length === 0) return null
  const takeBack = async (id: string) => {
    try {
      await onTakeBack(id)
      setTrouble('')
      notify('Taken back.')
    } catch (error) {
      setTrouble(sentenceOf(error))
    }
  }
  return (
    <section className="queue" aria-label="Waiting messages">
      <ul>
        {queue.map(({ id, message }) => (
          <li key={id}>
            <span className="queued" dir="auto">
              {textOf(message).slice(0, 200) || 'An image'}
            </span>
            <button type="button" className="tool" onClick={() => void takeBack(id)}>
              Take back
            </button>
          </li>
        ))}
      </ul>
      {trouble !== '' && <p className="row-trouble">{trouble}</p>}
    </section>
  )
}

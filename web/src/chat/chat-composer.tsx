import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type ReactElement,
  type SyntheticEvent,
  useEffect,
  useRef,
  useState,
} from 'react'
import { Attachments } from './attachments.tsx'
import type { FileUIPart } from 'ai'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import type { NewMessage } from './new-message.ts'
import { draftOf, keepDraft } from './drafts.ts'
import { Icon } from './icons.tsx'
import { useAttachments } from './use-attachments.ts'

interface ChatComposerProps {
  readonly chat: LiveChatView
  /** Kinds of files that the model reads. */
  readonly accept: string | undefined
  /** What was taken back. */
  readonly returned: NewMessage | undefined
  readonly onSend: (message: NewMessage) => void
}

/** A touch screen would answer the focus with a keyboard over half the page. */
const HAS_KEYBOARD = window.matchMedia('(hover: hover) and (pointer: fine)').matches

/** Characters of a pasted text that goes into the box. A browser needs seconds to lay out a megabyte in there. */
const MOST_PASTED = 20_000

/** Bytes of a message: what the demo takes, less what is around the text. */
const MOST_MEGABYTES = 6
const MOST_BYTES = MOST_MEGABYTES * 1024 * 1024 - 4096

export function ChatComposer({ chat, accept = '', returned, onSend }: ChatComposerProps): ReactElement {
  const { isAnswering } = chat
  const [text, setText] = useState(() => draftOf(chat.id))
  const [trouble, setTrouble] = useState('')
  const box = useRef<HTMLTextAreaElement>(null)
  const files = useAttachments(accept, setTrouble)
  const [pasted, setPasted] = useState<readonly string[]>([])
  const isEmpty = text.trim() === '' && files.parts.length === 0 && pasted.length === 0

  useEffect(() => {
    if (HAS_KEYBOARD) box.current?.focus()
  }, [])
  useEffect(() => keepDraft(chat.id, text), [chat.id, text])
  const { restore } = files
  useEffect(() => {
    if (!returned) return
    // What was typed meanwhile stays.
    if (returned.text.length > MOST_PASTED) setPasted((before) => [...before, returned.text])
    else setText((typed) => (typed === '' ? returned.text : `${returned.text}\n${typed}`))
    restore(returned.files ?? [])
    box.current?.focus()
  }, [returned, restore])

  const send = () => {
    if (isEmpty || files.isBusy) return
    // Half a surrogate pair, which a paste can leave, is no text that a server can keep.
    const asked = [text.trim(), ...pasted].filter(Boolean).join('\n\n').toWellFormed()
    const why = tooLong(asked, files.parts)
    setTrouble(why)
    if (why !== '') return
    onSend({ text: asked, ...(files.parts.length > 0 && { files: [...files.parts] }) })
    setText('')
    setPasted([])
    files.clear()
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
  const onPaste = (event: ClipboardEvent) => {
    const given = [...event.clipboardData.files]
    const long = given.length === 0 ? event.clipboardData.getData('text/plain') : ''
    if (given.length === 0 && long.length <= MOST_PASTED) return
    event.preventDefault()
    if (long !== '') setPasted((before) => [...before, long])
    else files.add(given)
  }
  const onDragOver = (event: DragEvent) => {
    // Otherwise the browser leaves the page for the file.
    if (event.dataTransfer.types.includes('Files')) event.preventDefault()
  }
  const onDrop = (event: DragEvent) => {
    const dropped = [...event.dataTransfer.files]
    if (dropped.length === 0) return
    event.preventDefault()
    files.add(dropped)
  }

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a file can be attached with the button, too
    <form
      className="chat-composer"
      aria-label="Message"
      onSubmit={onSubmit}
      onDragOver={onDragOver}
      onDrop={onDrop}
    >
      <Attachments
        parts={files.parts}
        pasted={pasted}
        isBusy={files.isBusy}
        onRemove={(part) => {
          setTrouble('')
          files.remove(part)
        }}
        onRemovePasted={(at) => {
          setTrouble('')
          setPasted((before) => before.filter((_, index) => index !== at))
        }}
      />
      <label className="hidden" htmlFor="message">
        Message
      </label>
      <textarea
        id="message"
        ref={box}
        rows={1}
        dir="auto"
        value={text}
        placeholder="Ask something"
        aria-describedby="message-hint"
        enterKeyHint="send"
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div className="chat-composer-foot">
        <label className="icon-button attach" title="Attach files">
          <Icon name="image" />
          <input
            className="hidden"
            type="file"
            aria-label="Attach files"
            accept={accept === '' ? 'image/*' : `image/*,${accept}`}
            multiple
            onChange={(event) => {
              files.add([...(event.target.files ?? [])])
              event.target.value = ''
            }}
          />
        </label>
        <p
          id="message-hint"
          className="hint"
          data-stressed={trouble !== ''}
          role={trouble === '' ? undefined : 'alert'}
        >
          {trouble || <Keys isAnswering={isAnswering} />}
        </p>
        {isAnswering && (
          <button type="button" className="stop" onClick={() => void chat.stop()}>
            Stop
          </button>
        )}
        <button type="submit" className="send" aria-disabled={isEmpty || files.isBusy}>
          Send
        </button>
      </div>
    </form>
  )
}

function Keys({ isAnswering }: { readonly isAnswering: boolean }): ReactElement {
  return (
    <span className="keys">
      <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> makes a new line
      {isAnswering && (
        <>
          , <kbd>Esc</kbd> stops
        </>
      )}
    </span>
  )
}

/** Why a message cannot be sent, as a sentence; empty when it can. */
function tooLong(text: string, files: readonly FileUIPart[]): string {
  const images = files.reduce((bytes, { url }) => bytes + url.length, 0)
  // As JSON: a line's end takes two bytes.
  const bytes = new TextEncoder().encode(JSON.stringify(text)).length + images
  if (bytes <= MOST_BYTES) return ''
  const what = images > 0 ? 'The text and the files are' : 'The text is'
  return `${what} too long: ${(bytes / 1024 / 1024).toFixed(2)} MB, and a message may have ${MOST_MEGABYTES} MB.`
}

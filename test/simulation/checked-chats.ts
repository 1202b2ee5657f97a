/**
 * Holds the streams of chats against what people were promised: what they send is answered once, in its turn, by what
 * the run of it said; what they took back is not. It keeps a conversation of its own, by the rules alone.
 */
import type { ChatEntry } from '../../src/conversation/entries.ts'
import { Conversation } from '../../src/conversation/conversation.ts'
import type { Answer, ChatEvent, Question } from './chat-kind.ts'
import type { Fact, Fail } from './history.ts'
import type { KeptLog, KeptLogs } from './kept-log.ts'
import { PlacedMessages } from './placed-messages.ts'

type ChatFact = Extract<
  Fact,
  { type: 'chat-sent' | 'chat-taken-back' | 'chat-selected' | 'chat-removed' | 'chat-saved' }
>
type Kept = Extract<Fact, { type: 'kept' }>
type Entry<Type extends ChatEntry['type']> = Extract<ChatEntry, { readonly type: Type }>

interface Asked {
  readonly question: Question
  /** The ids of the branch that it ends. */
  history: readonly string[]
  key: string
  state: 'waits' | 'begun' | 'answered' | 'taken back'
  /** How many events its answer in the chat has. */
  said: number
  readonly hasWaited: boolean
}

/** One life of a chat. */
interface CheckedChat {
  readonly log: KeptLog
  readonly asks: Map<string, Asked>
  /** Messages in branches. */
  readonly placed: PlacedMessages
  /** Messages that were ever in the branch that goes on, and those that were removed, by key and by id. */
  readonly named: { readonly selected: Set<string>; readonly removed: Set<string> }
  /** Runs whose answers the application has to keep. */
  readonly unsaved: Set<string>
  /** Tokens of questions that were sent. */
  readonly tokens: Set<string>
  readonly questions: Map<string, Question>
  queue: string[]
  active: string | undefined
  head: string | null
}

/** Why an answer may have failed that no run has said. */
const NEVER_BEGUN = new Set(['interrupted', 'run_conflict', 'process_full', 'too_many_runs', 'invalid_run'])
export const CHAT_STREAMS = '@chat-log/'

export class CheckedChats {
  readonly #chats = new Map<KeptLog, CheckedChat>()
  /** Runs of chats, by the stream of the chat. */
  readonly #runs = new Map<string, string>()
  readonly #kept: KeptLogs
  readonly #fail: Fail
  /** Whether the application keeps messages, too. */
  readonly #keepsMessages: boolean

  constructor(kept: KeptLogs, fail: Fail, keepsMessages: boolean) {
    this.#kept = kept
    this.#fail = fail
    this.#keepsMessages = keepsMessages
  }

  note(fact: ChatFact): void {
    const log = this.#kept.current.get(fact.stream)
    const chat = log && !log.removed && !log.closed ? this.#chats.get(log) : undefined
    if (!chat) return
    if (fact.type === 'chat-saved') return this.#saved(chat, fact)
    if (fact.type === 'chat-sent') this.#asPaged(chat, fact)
    // It may have been said of one that is deleted, and another be there by now.
    const isOther = [...this.#chats.keys()].some((other) => other !== log && other.stream === fact.stream)
    if (!isOther && !isDone(chat, fact))
      this.#fail('chat-kept', `${fact.message} is said to be ${fact.type.slice(5)}, and is not in its chat`)
  }

  /** Entries were kept. */
  kept(log: KeptLog, { records, by, producer }: Kept): void {
    let chat = this.#chats.get(log)
    if (!chat) {
      chat = {
        log,
        asks: new Map(),
        placed: new PlacedMessages(),
        named: { selected: new Set(), removed: new Set() },
        unsaved: new Set(),
        tokens: new Set(),
        questions: new Map(),
        queue: [],
        active: undefined,
        head: null,
      }
      this.#chats.set(log, chat)
    }
    const entries = records.map((record) => JSON.parse(record) as ChatEntry)
    for (const [index, entry] of entries.entries()) {
      if (entry.type === 'asked') this.#asked(chat, entry, by)
      else if (entry.type === 'begun') this.#begun(chat, entry, by)
      else if (entry.type === 'taken-back') this.#takenBack(chat, entry, by)
      else if (entry.type === 'message') this.#message(chat, entry, by)
      else if (entry.type === 'selected') this.#selected(chat, entry.message, by)
      else if (entry.type === 'removed') this.#removed(chat, entry.message, by)
      else if (entry.type === 'answer') {
        const isSkipped = entries[index - 1]?.type === 'begun'
        this.#answered(chat, entry, by, isSkipped || producer?.id === `@run/${entry.run}`, isSkipped)
      }
      for (const key of chat.placed.keys(chat.head))
        chat.named.selected.add(key).add(chat.placed.idOf(key) ?? '')
    }
  }

  /** The run of a chat was created. */
  started(run: string, stream: string, by: string): void {
    this.#runs.set(run, stream)
    const log = this.#kept.current.get(stream)
    const chat = log && !log.removed && !log.closed ? this.#chats.get(log) : undefined
    if (!chat) return
    const isOther = [...this.#chats.values()].some(
      (other) => other !== chat && other.log.stream === stream && other.asks.has(run),
    )
    if (!chat.asks.has(run) && !isOther)
      this.#fail('chat-once', `${by} starts ${run}, which is not in its chat`)
    else if (chat.asks.get(run)?.state === 'waits' || chat.asks.get(run)?.state === 'taken back')
      this.#fail('chat-order', `${by} starts ${run}, whose turn has not come`)
  }

  /** Whether it is a run that answers in a chat. */
  has(run: string): boolean {
    return this.#runs.has(run)
  }

  /** What has not come to its end yet. */
  unfinished(): readonly string[] {
    const left: string[] = []
    for (const { log, active, queue, unsaved } of this.#chats.values()) {
      if (log.removed) continue
      if (log.closed) left.push(`${log.stream} is not deleted`)
      if (active !== undefined) left.push(`${active} is not answered`)
      for (const run of queue) left.push(`${run} waits`)
      for (const run of unsaved) left.push(`the turn of ${run} is not kept elsewhere`)
    }
    for (const [run, stream] of this.#runs) {
      const log = this.#kept.current.get(run)
      if (!log || log.removed) continue
      const isNamed = [...this.#chats.values()].some(
        (chat) => chat.log.stream === stream && !chat.log.removed && chat.asks.has(run),
      )
      if (!isNamed) left.push(`${run} is left of a chat that is deleted`)
    }
    return left
  }

  finish(): void {
    for (const what of this.unfinished()) this.#fail('chat-kept', what)
    for (const { log, head, placed } of this.#chats.values()) {
      if (log.removed) continue
      const conversation = new Conversation()
      for (const record of log.records) conversation.add(JSON.parse(record) as ChatEntry)
      const folded = conversation.branch().map(({ message }) => message.id)
      const expected = placed.branch(head)
      if (folded.join() !== expected.join())
        this.#fail('chat-order', `${log.stream} folds to ${folded.join()}, and is ${expected.join()}`)
    }
  }

  #asked(chat: CheckedChat, { run, message, again, parent, queued }: Entry<'asked'>, by: string): void {
    if (chat.asks.has(run)) this.#fail('chat-once', `${by} asks with ${run} twice`)
    const question = (message ?? chat.questions.get(again ?? '')) as Question | undefined
    if (!question) return this.#fail('chat-order', `${by} asks for an answer to ${again}, which is not there`)
    if (message) {
      if (chat.tokens.has(question.token)) this.#fail('chat-once', `${by} sends ${question.token} twice`)
      chat.tokens.add(question.token)
    }
    const asked: Asked = {
      question,
      history: [],
      key: again ?? '',
      state: 'waits',
      said: 0,
      hasWaited: queued === true,
    }
    chat.asks.set(run, asked)
    if (queued) {
      if (chat.active === undefined) this.#fail('chat-order', `${by} lets ${run} wait for nothing`)
      chat.queue.push(run)
    } else this.#begins(chat, run, asked, message ? (parent ?? null) : undefined, by)
  }

  #begun(chat: CheckedChat, { run, parent }: Entry<'begun'>, by: string): void {
    const asked = chat.asks.get(run)
    if (!asked || chat.queue[0] !== run)
      return this.#fail('chat-order', `${by} begins ${run}, and the first that waits is ${chat.queue[0]}`)
    chat.queue = chat.queue.slice(1)
    this.#begins(chat, run, asked, asked.key === '' ? parent : undefined, by)
  }

  #begins(chat: CheckedChat, run: string, asked: Asked, parent: string | null | undefined, by: string): void {
    if (chat.active !== undefined)
      this.#fail('chat-order', `${by} begins ${run}, while ${chat.active} is being answered`)
    if (parent !== undefined) {
      const { id, token } = asked.question
      if (parent !== null && !chat.placed.has(parent))
        this.#fail('chat-order', `${by} puts ${id} behind ${parent}, which is not there`)
      const isEdit = token !== id
      if (!isEdit && parent !== chat.head)
        this.#fail('chat-order', `${by} puts ${id} behind ${parent}, and the last is ${chat.head}`)
      asked.key = chat.placed.place(asked.question, parent)
      chat.questions.set(asked.key, asked.question)
    }
    asked.state = 'begun'
    asked.history = chat.placed.branch(asked.key)
    chat.active = run
    chat.head = asked.key
  }

  #takenBack(chat: CheckedChat, { run }: Entry<'taken-back'>, by: string): void {
    const asked = chat.asks.get(run)
    if (!asked || !chat.queue.includes(run))
      return this.#fail('chat-order', `${by} takes ${run} back, which does not wait`)
    chat.queue = chat.queue.filter((other) => other !== run)
    asked.state = 'taken back'
  }

  /** A page has a message that the chat did not have there. */
  #message(chat: CheckedChat, { message, parent }: Entry<'message'>, by: string): void {
    const { placed, questions } = chat
    if (parent !== null && !placed.has(parent))
      this.#fail('chat-order', `${by} puts ${message.id} behind ${parent}, which is not there`)
    if (placed.hasBehind(parent, JSON.stringify(message)))
      this.#fail('chat-once', `${by} keeps ${message.id} twice behind ${parent}`)
    chat.head = placed.place(message, parent)
    questions.set(chat.head, message as Question)
  }

  /** The page decides what its message is answered behind; where it waits, what it waits for comes between. */
  #asPaged(chat: CheckedChat, { run, message, before }: Extract<ChatFact, { type: 'chat-sent' }>): void {
    const asked = chat.asks.get(run)
    if (!before || !asked || asked.hasWaited) return
    if (asked.history.join() !== [...before, message].join())
      this.#fail(
        'chat-order',
        `${message} is answered behind ${asked.history.join()}, and not ${before.join()}`,
      )
  }

  #selected(chat: CheckedChat, key: string, by: string): void {
    const { placed, active } = chat
    if (!placed.has(key)) this.#fail('chat-order', `${by} selects ${key}, which is not there`)
    const isActive = active !== undefined && chat.asks.get(active)?.key === key
    chat.head = isActive ? key : placed.lastBelow(key)
  }

  #removed(chat: CheckedChat, key: string, by: string): void {
    const { placed, active, named, head } = chat
    const asked = active === undefined ? undefined : chat.asks.get(active)
    if (!placed.has(key)) this.#fail('chat-order', `${by} removes ${key}, which is not there`)
    if (asked && placed.isBelow(asked.key, key))
      this.#fail('chat-order', `${by} removes ${key}, and ${asked.key} is being answered`)
    named.removed.add(key).add(placed.idOf(key) ?? '')
    const isHead = head !== null && placed.isBelow(head, key)
    const parent = placed.parentOf(key)
    placed.remove(key)
    for (const gone of chat.questions.keys()) if (!placed.has(gone)) chat.questions.delete(gone)
    if (isHead) chat.head = placed.lastBelow(parent)
  }

  /** The application is given the question, and all that was said to it. */
  #saved(chat: CheckedChat, { run, messages }: Extract<ChatFact, { type: 'chat-saved' }>): void {
    const asked = chat.asks.get(run)
    const [question, answer] = messages.map((text) => JSON.parse(text) as Question & Answer)
    if (asked?.state !== 'answered' || question?.token !== asked.question.token)
      return this.#fail('chat-kept', `the turn of ${run} is to be kept elsewhere, and is ${asked?.state}`)
    if ((answer?.events ?? 0) !== asked.said)
      this.#fail('chat-kept', `${answer?.events} of ${asked.said} events of ${run} are kept elsewhere`)
    chat.unsaved.delete(run)
  }

  #answered(chat: CheckedChat, entry: Entry<'answer'>, by: string, isOwn: boolean, isSkipped: boolean): void {
    const { run, status, reason } = entry
    const asked = chat.asks.get(run)
    if (!isOwn) this.#fail('chat-once', `${by} answers ${run} as another one than @run/${run}`)
    if (!asked || asked.state === 'answered' || chat.active !== run)
      return this.#fail('chat-once', `${by} answers ${run}, which is ${asked?.state ?? 'not asked'}`)
    asked.state = 'answered'
    chat.active = undefined
    const message = entry.message as Answer | undefined
    if (message) {
      asked.said = message.events
      const key = chat.placed.place(message, asked.key)
      if (chat.head === asked.key) chat.head = key
    }
    if (isSkipped || (status === 'failed' && NEVER_BEGUN.has(reason ?? '') && !message)) return
    if (this.#keepsMessages) chat.unsaved.add(run)
    const log = this.#kept.current.get(run)
    if (!log?.closed || log.end?.status !== status)
      return this.#fail('chat-kept', `${by} says that ${run} is ${status}, and it is ${log?.end?.status}`)
    this.#saysAll(asked, message, log)
  }

  /** The answer is what the run has said. */
  #saysAll({ question, history }: Asked, message: Answer | undefined, log: KeptLog): void {
    const { records, stream } = log
    if ((message?.events ?? 0) !== records.length)
      this.#fail('chat-kept', `the answer of ${stream} has ${message?.events} of ${records.length} events`)
    if (log.end?.status === 'completed' && records.length !== question.events)
      this.#fail('chat-kept', `${stream} says ${records.length} of ${question.events} events`)
    for (const record of records) {
      const { to, history: told } = JSON.parse(record) as ChatEvent
      if (to !== question.token || told.join() !== history.join())
        this.#fail('chat-order', `${stream} answers ${to} behind ${told.join()}, and not ${history.join()}`)
    }
  }
}

/** Whether what somebody was told is done is in the chat. */
function isDone({ asks, named }: CheckedChat, fact: Exclude<ChatFact, { type: 'chat-saved' }>): boolean {
  switch (fact.type) {
    case 'chat-sent':
      return asks.has(fact.run)
    case 'chat-selected':
      return named.selected.has(fact.message)
    case 'chat-removed':
      return named.removed.has(fact.message)
    case 'chat-taken-back': {
      // An edit with the same id may have been what waited.
      const states = [...asks.values()].filter(({ question }) => question.id === fact.message)
      return states.length === 0 || states.some(({ state }) => state === 'taken back')
    }
  }
}

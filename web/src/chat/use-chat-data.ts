/** Fills what the page needs from stock `useChat` and the plain routes of chats. */
import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport, type UIMessage } from 'ai'
import { useCallback, useEffect, useMemo, useState } from 'react'
import type { ChatData, ChatListData, ListedChat } from './chat-data.ts'

/** Milliseconds: one frame of a 60 Hz screen. */
const FRAME = 16

export function useChatData(id: string, api: string, isNew: boolean): ChatData {
  const transport = useMemo(() => new DefaultChatTransport({ api }), [api])
  const chat = useChat({ id, transport, throttle: FRAME })
  const { setMessages, resumeStream } = chat
  const [loaded, setLoaded] = useState(isNew)
  const [trouble, setTrouble] = useState<Error>()
  const place = `${api}/${encodeURIComponent(id)}`

  useEffect(() => {
    if (loaded) return
    const left = new AbortController()
    const load = async () => {
      const response = await fetch(place, { signal: left.signal })
      if (response.ok) {
        const { messages } = (await response.json()) as {
          readonly messages: { readonly message: UIMessage }[]
        }
        setMessages(messages.map(({ message }) => message))
      } else if (response.status !== 404) throw new Error(await response.text())
      setLoaded(true)
      await resumeStream()
    }
    load().catch((error: unknown) => {
      if (!left.signal.aborted) setTrouble(error as Error)
    })
    return () => left.abort()
  }, [loaded, place, setMessages, resumeStream])

  return {
    ...chat,
    title: undefined,
    isLoading: !loaded,
    exists: chat.messages.length > 0,
    queue: [],
    connection: trouble ? 'reconnecting' : 'connected',
    connectionError: trouble,
    edit: (messageId, message) => chat.sendMessage({ ...message, messageId }),
    stop: () => fetch(`${place}/stop`, { method: 'POST' }),
    takeBack: () => Promise.resolve(),
    branches: () => undefined,
  }
}

export function useChatListData(api: string): ChatListData {
  const [chats, setChats] = useState<readonly ListedChat[]>([])
  const [status, setStatus] = useState<ChatListData['status']>('loading')
  const load = useCallback(async () => {
    try {
      const response = await fetch(api)
      if (!response.ok) throw new Error(await response.text())
      setChats(((await response.json()) as { readonly chats: ListedChat[] }).chats)
      setStatus('live')
    } catch {
      setStatus('failed')
    }
  }, [api])
  const change = async (id: string, how: RequestInit) => {
    const response = await fetch(`${api}/${encodeURIComponent(id)}`, how)
    if (!response.ok) throw new Error(await response.text())
    await load()
  }

  useEffect(() => {
    void load()
    const timer = setInterval(() => void load(), 5_000)
    return () => clearInterval(timer)
  }, [load])

  return {
    chats,
    status,
    hasMore: false,
    more: () => Promise.resolve(),
    rename: (id, title) =>
      change(id, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ title }),
      }),
    remove: (id) => change(id, { method: 'DELETE' }),
  }
}

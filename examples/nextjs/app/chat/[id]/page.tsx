import type { UIMessage } from 'ai'
import type { ReactNode } from 'react'
import { app } from '../../../millrace.ts'
import { Chat } from './chat.tsx'

export default async function Page({
  params,
}: {
  readonly params: Promise<{ readonly id: string }>
}): Promise<ReactNode> {
  const { id } = await params
  const kept = await app.chats.get(id)
  const messages = (kept?.messages ?? []).map(({ message }) => message as unknown as UIMessage)
  return <Chat id={id} messages={messages} />
}

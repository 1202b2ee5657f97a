import { redirect } from 'next/navigation'

export const dynamic = 'force-dynamic'

/** A new chat for whoever comes without one. Its address is what a reload, or another tab, finds it by. */
export default function Page(): never {
  redirect(`/chat/${crypto.randomUUID()}`)
}

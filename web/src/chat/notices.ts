/** How any part of the page has a screen reader say something. */
import { createContext, useContext } from 'react'

export type Notify = (notice: string) => void

export const Notices = createContext<Notify>(() => {})

export function useNotify(): Notify {
  return useContext(Notices)
}

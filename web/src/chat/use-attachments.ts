import { useCallback, useState } from 'react'
import type { FileUIPart } from 'ai'
import { AttachError, MOST_FILES, filePart } from './attached-file.ts'

export interface AttachmentsState {
  readonly parts: readonly FileUIPart[]
  /** Whether files are being read, and made smaller. */
  readonly isBusy: boolean
  readonly add: (files: readonly File[]) => void
  readonly remove: (part: FileUIPart) => void
  /** Takes files back that are ready. */
  readonly restore: (parts: readonly FileUIPart[]) => void
  readonly clear: () => void
}

/** The files that go with the next message; `accept` are kinds besides images. `onTrouble` is told why one does not, as a sentence, or the empty text. */
export function useAttachments(accept: string, onTrouble: (trouble: string) => void): AttachmentsState {
  const [parts, setParts] = useState<readonly FileUIPart[]>([])
  const [busy, setBusy] = useState(0)

  const add = async (files: readonly File[]) => {
    onTrouble('')
    const free = MOST_FILES - parts.length
    if (files.length > free) onTrouble(`A message takes ${MOST_FILES} files at most.`)
    setBusy((count) => count + 1)
    try {
      for (const file of files.slice(0, free)) {
        const part = await filePart(file, accept, MOST_FILES)
        setParts((before) => [...before, part].slice(0, MOST_FILES))
      }
    } catch (error) {
      onTrouble(error instanceof AttachError ? error.message : 'The file cannot be used.')
    } finally {
      setBusy((count) => count - 1)
    }
  }
  return {
    parts,
    isBusy: busy > 0,
    add: (files) => void add(files),
    remove: (part) => setParts((before) => before.filter((one) => one !== part)),
    restore: useCallback((more) => setParts((before) => [...before, ...more].slice(0, MOST_FILES)), []),
    clear: useCallback(() => setParts([]), []),
  }
}

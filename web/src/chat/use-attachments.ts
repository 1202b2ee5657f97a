import { useCallback, useState } from 'react'
import type { FilePart } from './chat-data.ts'
import { ImageError, MOST_IMAGES, imagePart } from './images.ts'

export interface AttachmentsState {
  readonly parts: readonly FilePart[]
  /** Whether images are being made smaller. */
  readonly isBusy: boolean
  readonly add: (files: readonly File[]) => void
  readonly remove: (part: FilePart) => void
  readonly clear: () => void
}

/** The images that go with the next message. `onTrouble` is told why one does not, as a sentence, or the empty text. */
export function useAttachments(onTrouble: (trouble: string) => void): AttachmentsState {
  const [parts, setParts] = useState<readonly FilePart[]>([])
  const [busy, setBusy] = useState(0)

  const add = async (files: readonly File[]) => {
    onTrouble('')
    const free = MOST_IMAGES - parts.length
    if (files.length > free) onTrouble(`A message takes ${MOST_IMAGES} images at most.`)
    setBusy((count) => count + 1)
    try {
      for (const file of files.slice(0, free)) {
        const part = await imagePart(file, MOST_IMAGES)
        setParts((before) => [...before, part].slice(0, MOST_IMAGES))
      }
    } catch (error) {
      onTrouble(error instanceof ImageError ? error.message : 'The image cannot be used.')
    } finally {
      setBusy((count) => count - 1)
    }
  }
  return {
    parts,
    isBusy: busy > 0,
    add: (files) => void add(files),
    remove: (part) => setParts((before) => before.filter((one) => one !== part)),
    clear: useCallback(() => setParts([]), []),
  }
}

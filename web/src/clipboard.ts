/**
 * Puts `text` on the clipboard; false when the browser refuses. `source` is the element that shows
 * it: over plain http there is no clipboard API, and a browser copies only what is selected.
 */
export async function copyText(text: string, source: HTMLTextAreaElement): Promise<boolean> {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      // Refused by a permission; the older way may still be open.
    }
  }
  const focused = document.activeElement
  source.select()
  // oxlint-disable-next-line typescript/no-deprecated -- nothing else copies outside a secure context
  const copied = document.execCommand('copy')
  if (focused instanceof HTMLElement) focused.focus()
  return copied
}

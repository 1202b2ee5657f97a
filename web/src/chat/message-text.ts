import type { UIMessage } from 'ai'

/** What a message says, without reasoning, tools and files. */
export function textOf({ parts }: Pick<UIMessage, 'parts'>): string {
  return parts
    .filter((part) => part.type === 'text')
    .map(({ text }) => text)
    .join('\n\n')
}

/** Why a command ends without having done its work. The message is one line for whoever ran it. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
  readonly exitCode: number = 1

  constructor(message: string, cause?: unknown) {
    super(oneLine(message), { cause })
  }
}

/** The command was asked for something that it does not do. */
export class UsageError extends CommandError {
  override readonly name: string = 'UsageError'
  override readonly exitCode: number = 2
}

export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

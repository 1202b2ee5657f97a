/**
 * Which variables of the command line an application reads, so that an option that it does not follow can be told.
 *
 * Kept on `globalThis`, as the application may come with another copy of Millrace.
 */
const READ = Symbol.for('millrace.read-variables.1')

function names(): Set<string> {
  return ((globalThis as { [READ]?: Set<string> })[READ] ??= new Set())
}

/** Says that the application follows this variable. */
export function noteVariable(name: string): void {
  names().add(name)
}

/** Whether it does. */
export function isVariableRead(name: string): boolean {
  return names().has(name)
}

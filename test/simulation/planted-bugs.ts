/**
 * Bugs that the simulation's own wrappers have when they are told to: what it must find, so that its silence
 * says something. Each is one that a store, a process or a proxy could have.
 */
export const PLANTED_BUGS = {
  'publish-before-append': 'a store tells its watchers of records before it keeps them',
  'lease-not-fenced': 'a store keeps what an earlier epoch appends',
  'stranger-not-fenced': 'a store keeps what somebody writes to a leased stream without its lease',
  'lease-for-two': 'a store gives a lease that somebody holds to whoever asks',
  'offset-reused': 'a store that lost its tail gives the same offsets out again',
  'stop-lost-in-takeover': 'a stop is told to one holder only, and not to the one who takes over',
  'record-dropped-at-hand-over': 'the last records before a hand-over are acknowledged and not kept',
  'checkpoint-parted': 'a checkpoint is kept in another step than its records',
  'expired-lease-skipped': 'a store does not list the leases of every second run when they are over',
  'double-not-recognised': 'a store keeps an append that came twice, twice',
  'watcher-not-told': 'a store forgets now and then to tell a watcher',
  'acknowledged-before-kept': 'a store answers an append that it then forgets',
  'close-forgotten': 'a store keeps the records of an append that closes, and does not close',
  'tail-behind': 'a store says that its tail is one record further back than what it told',
  'resumed-too-late': 'a server begins one record too late when a reader comes back',
  'stop-answered-early': 'a stop is answered before the run has stopped',
  'double-misplaced': 'a store says of an append that came twice that its tail is one record further on',
  'renewal-forgotten': 'a store answers that a lease is renewed, and forgets it',
  'hand-over-forgotten': 'a store answers that a lease is handed over, and goes on holding it',
  'trim-untold': 'a reader whose place was trimmed is given what comes after, without a word',
  'touch-forgotten': 'a store answers that a stream is touched, and lets its time run out',
  'continued-though-it-cannot': 'a server takes every kind for one that can be continued',
  'removed-while-it-runs': 'a server removes a run that has not ended',
  'owed-end-dropped': 'a store forgets what the close of a run leaves owed',
  'cancel-forgotten': 'a store forgets that the close of a run leaves something to cancel upstream',
  'settle-forgotten': 'a store answers that what was owed is settled, and goes on owing it',
  'after-ignored':
    'a store keeps an append wherever the tail is, and not only behind the place that it names',
  'deaths-not-counted': 'a store forgets how many attempts at a run have died without a record',
  'chat-answer-doubled': "the answer of a run comes to its chat as nobody's, and twice",
  'chat-answer-forgotten': 'the answer of a run is acknowledged, and not kept',
  'chat-run-before-ask': 'a run is started before its chat names it',
  'chat-decided-blindly': 'what is done in a chat is kept though somebody was first',
  'chat-queue-forgotten': 'a process that came up anew does not know what waits in a chat',
  'chat-take-back-forgotten': 'a process that came up anew does not know what was taken back in a chat',
  'chat-select-forgotten': 'a process that came up anew does not know which branch of a chat was selected',
  'chat-removal-forgotten': 'a process that came up anew does not know what was removed from a chat',
  'chat-page-forgotten': 'a process that came up anew does not know what a page said came before its message',
  'chat-entry-untold': 'a tab that follows a chat is not told of every third entry',
  'chat-save-forgotten': 'an application forgets what it is to keep of a chat',
  'watch-not-ended': 'a watch goes on when it was stopped',
} as const

export type PlantedBug = keyof typeof PLANTED_BUGS

export function isPlantedBug(name: string): name is PlantedBug {
  return Object.hasOwn(PLANTED_BUGS, name)
}

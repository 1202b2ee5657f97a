/** Group memberships, renewed for as long as they are held. */
export interface Memberships {
  hold(group: string, channel: string): Promise<void>
  drop(group: string, channel: string): Promise<void>
  dropAll(channel: string): Promise<void>
}

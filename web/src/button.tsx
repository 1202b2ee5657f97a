import type { ReactElement, ReactNode } from 'react'

interface ButtonProps {
  readonly children: ReactNode
  readonly type?: 'button' | 'submit'
  readonly look?: 'primary' | 'plain' | 'quiet'
  /** Whether there is nothing to press for now. */
  readonly unavailable?: boolean
  readonly describedBy?: string
  readonly onPress?: () => void
}

/**
 * A button that stays in the tab order while it is unavailable: a `disabled` one would drop the
 * keyboard's focus at the moment when pressing it made it so.
 */
export function Button({
  children,
  type = 'button',
  look = 'plain',
  unavailable = false,
  describedBy,
  onPress,
}: ButtonProps): ReactElement {
  return (
    <button
      // oxlint-disable-next-line react/button-has-type -- the type allows valid ones only
      type={type}
      className="button"
      data-look={look}
      aria-disabled={unavailable}
      aria-describedby={describedBy}
      onClick={() => {
        if (!unavailable) onPress?.()
      }}
    >
      {children}
    </button>
  )
}

import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      {children}
    </svg>
  );
}

export const MicIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21" />
  </Icon>
);

export const MicOffIcon = () => (
  <Icon>
    <path d="M15 10.5V6a3 3 0 0 0-5.8-1M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11a6.5 6.5 0 0 0 10.4 5.2M18.5 11a6.4 6.4 0 0 1-.5 2.5M12 17.5V21M4 4l16 16" />
  </Icon>
);

export const HangUpIcon = () => (
  <Icon>
    <path d="M4 14.5c-1.2-1.2-1-3 .4-4.100C6.5 8.7 9.1 8 12 8s5.5.7 7.6 2.400c1.4 1.1 1.6 2.9.4 4.1-.6.6-1.5.6-2.2.2l-2-1.200c-.5-.3-.8-.9-.7-1.500l.1-.9a11 11 0 0 0-6.4 0l.1.900c.1.6-.2 1.2-.7 1.500l-2 1.200c-.7.4-1.6.4-2.2-.2Z" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M12 20V5M5.5 11.5 12 5l6.5 6.5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export const KeyboardIcon = () => (
  <Icon>
    <rect x="3" y="6" width="18" height="12" rx="2.5" />
    <path d="M7 10h.01M11 10h.01M15 10h.01M8 14h8" />
  </Icon>
);

export const NoticeIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 7.5v5.5M12 16.5v.01" />
  </Icon>
);

export const MenuIcon = () => (
  <Icon>
    <path d="M4 7h16M4 12h16M4 17h16" />
  </Icon>
);

// The icons: strokes on a grid of 24, coloured by the text around them, hidden from screen readers.

import type { ReactNode } from 'react';

const icon = (shape: ReactNode) =>
  function Icon({ size = 20 }: { readonly size?: number }) {
    return (
      <svg
        className="icon"
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.9"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {shape}
      </svg>
    );
  };

export const BackIcon = icon(<path d="M15 5l-7 7 7 7" />);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6L6 18" />);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6.5" />
    <path d="M16 16l4.5 4.5" />
  </>,
);
export const NewChatIcon = icon(
  <>
    <path d="M12.5 4.500H7A3 3 0 0 0 4 7.500V17a3 3 0 0 0 3 3h9.500a3 3 0 0 0 3-3v-5.5" />
    <path d="M18.3 3.700a1.5 1.5 0 0 1 2.1 2.100L13 13.200l-3 .8.8-3z" />
  </>,
);
export const GroupIcon = icon(
  <>
    <circle cx="9" cy="8.5" r="3.3" />
    <path d="M3 19c.4-3.4 2.8-5 6-5s5.6 1.6 6 5" />
    <path d="M15.5 5.600a3.2 3.2 0 0 1 0 5.900M17.5 14.400c2 .6 3.2 2.1 3.5 4.6" />
  </>,
);
export const ReplyIcon = icon(<path d="M10 6l-6 5.500 6 5.500M4.500 11.500H13c4 0 6.500 2 7 6.500" />);
export const ThumbtackIcon = icon(<path d="M9 4h6l-.6 6 3.100 3.500H6.500L9.600 10zM12 13.500V20" />);
export const BellIcon = icon(
  <path d="M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15zM10 20.500a2.200 2.200 0 0 0 4 0" />,
);
export const BellOffIcon = icon(
  <path d="M4 4l16 16M7 7.700A6 6 0 0 0 6 11v5.500L4.500 18H18M9.300 5.600A6 6 0 0 1 18 11v3.500M10 20.500a2.200 2.200 0 0 0 4 0" />,
);
export const ArchiveIcon = icon(<path d="M3.500 5h17v4h-17zM5 9v10h14V9M10 13h4" />);
export const SendIcon = icon(<path d="M12 19V5.500M6 11.200l6-6 6 6" />);
export const DownIcon = icon(<path d="M12 5v13M6 12.500l6 6 6-6" />);
export const MoreIcon = icon(<path strokeWidth="2.8" d="M5.5 12h.01M12 12h.01M18.5 12h.01" />);
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.500V12l3 2" />
  </>,
);
export const TickIcon = icon(<path d="M5 12.500l4.5 4.500L19 7.5" />);
export const DoubleTickIcon = icon(<path d="M2 12.500L6.5 17l9-9.500M11.5 16.200l.9.800L22 7.5" />);
export const AlertIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.500v5.500M12 16.500v.01" />
  </>,
);
export const EyeIcon = icon(
  <>
    <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z" />
    <circle cx="12" cy="12" r="2.8" />
  </>,
);
export const EyeOffIcon = icon(
  <path d="M4 4l16 16M9.8 5.800A9 9 0 0 1 12 5.500c6 0 9.5 6.5 9.5 6.500a16 16 0 0 1-2.7 3.400M6.3 7.300A15.6 15.6 0 0 0 2.5 12S6 18.5 12 18.500a9 9 0 0 0 4.5-1.2" />,
);
export const PinIcon = icon(
  <>
    <path d="M12 21s7-5.8 7-11a7 7 0 0 0-14 0c0 5.2 7 11 7 11z" />
    <circle cx="12" cy="10" r="2.5" />
  </>,
);
export const CopyIcon = icon(
  <>
    <rect x="9" y="9" width="11" height="11" rx="2.5" />
    <path d="M15 5.500A1.5 1.5 0 0 0 13.5 4H6a2 2 0 0 0-2 2v7.500A1.5 1.5 0 0 0 5.5 15" />
  </>,
);
export const RetryIcon = icon(<path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.400M19.5 4v4h-4" />);
export const EditIcon = icon(
  <path d="M4 20l1.2-4.500L16.5 4.200a1.8 1.8 0 0 1 2.6 0l.7.700a1.8 1.8 0 0 1 0 2.600L8.500 18.800z" />,
);
export const SmileIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M8.5 14.300a4.3 4.3 0 0 0 7 0M9.2 9.500v.01M14.8 9.500v.01" />
  </>,
);
export const PersonIcon = icon(
  <>
    <circle cx="12" cy="8.3" r="3.6" />
    <path d="M5 19.500c.5-3.700 3.2-5.500 7-5.500s6.5 1.800 7 5.500" />
  </>,
);
export const CrownIcon = icon(<path d="M4 18.500L3.2 8.200l4.8 3.600L12 5l4 6.800 4.8-3.600L20 18.500z" />);
export const ShieldIcon = icon(<path d="M12 3.500l7 2.700v5.300c0 4.500-3 7.500-7 9-4-1.500-7-4.500-7-9V6.200z" />);
export const BinIcon = icon(<path d="M4.5 7h15M9.5 7V4.500h5V7M6.5 7l1 12.500h9l1-12.5" />);

/** Geese in flight: the sign of the product. */
export function Logo({ size = 56 }: { readonly size?: number }) {
  return <img className="logo" src="./icon.svg" width={size} height={size} alt="" />;
}

// One family that gateways and the core both add to.

export const gapsHelp = 'Times that entries were missed and had to be caught up, or were gone, by reason';

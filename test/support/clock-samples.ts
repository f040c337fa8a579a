/** What clock keepers print, written from the formats of their manuals. */
export const SAMPLES = {
  chrony_ntp:
    'A29FC87B,162.159.200.123,3,1763712000.500000000,0.000012345,-0.000010,0.000020,1.234,0.001,0.020,0.010500,0.001200,64.5,Normal\n',
  chrony_phc:
    '50484330,PHC0,1,1763712000.000000000,-0.000000450,0.000000100,0.000000200,-3.100,0.000,0.010,0.000000001,0.000001500,16.0,Normal\n',
  chrony_pps:
    '50505300,PPS,1,1763712000.000000000,0.000000002,0.000000001,0.000000003,-3.100,0.000,0.010,0.000000001,0.000001500,16.0,Normal\n',
  chrony_local:
    '7F7F0101,,10,1763712000.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n',
  chrony_unsynced:
    '00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n',
  pmc: [
    'sending: GET TIME_STATUS_NP',
    '\t507c6f.fffe.1b3c2d-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP ',
    '\t\tmaster_offset              -12034',
    '\t\tingress_time               1763712037000000123',
    '\t\tcumulativeScaledRateOffset +0.000000000',
    '\t\tscaledLastGmPhaseChange    0',
    '\t\tgmTimeBaseIndicator        0',
    "\t\tlastGmPhaseChange          0x0000'0000000000000000.0000",
    '\t\tgmPresent                  true',
    '\t\tgmIdentity                 ec4670.fffe.00b3a6',
    '',
  ].join('\n'),
  timesync: [
    '       Server: 162.159.200.1 (time.example.com)',
    'Poll interval: 34min 8s (min: 32s; max 34min 8s)',
    '         Leap: normal',
    '      Version: 4',
    '      Stratum: 3',
    '    Reference: A29FC87B',
    '    Precision: 1us (-25)',
    'Root distance: 2.250ms (max: 5s)',
    '       Offset: +1.219ms',
    '        Delay: 12.351ms',
    '       Jitter: 830us',
    ' Packet count: 41',
    '    Frequency: +12.345ppm',
    '',
  ].join('\n'),
  /** 2025-11-21T08:00:00.500Z is 0xecca5840.8 of NTP's era. */
  ntpq: [
    'associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,',
    'version="ntpd 4.2.8p15@1.3728-o Wed Feb 16 17:13:02 UTC 2022 (1)",',
    'processor="x86_64", system="Linux/6.8.0", leap=00, stratum=2,',
    'precision=-24, rootdelay=1.234, rootdisp=5.678, refid=17.253.4.125,',
    `reftime=${(1763712000 + 2_208_988_800).toString(16)}.80000000  Fri, Nov 21 2025  8:00:00.500,`,
    'clock=ecca5880.12345678  Fri, Nov 21 2025  8:01:04.071, peer=12345, tc=6,',
    'mintc=3, offset=-0.123, frequency=-3.210, sys_jitter=0.045,',
    'clk_jitter=0.012, clk_wander=0.001',
    '',
  ].join('\n'),
  adjtimex: [
    '         mode: 0',
    '       offset: -43210',
    '    frequency: 812345',
    '     maxerror: 123456',
    '     esterror: 250',
    '       status: 8193',
    'time_constant: 7',
    '    precision: 1',
    '    tolerance: 32768000',
    '         tick: 10000',
    '     raw time:  1763712000s 123456789us = 1763712000.123456789',
    ' return value = 0',
    '',
  ].join('\n'),
  timedatectl: [
    'Timezone=Etc/UTC',
    'LocalRTC=no',
    'CanNTP=yes',
    'NTP=yes',
    'NTPSynchronized=yes',
    'TimeUSec=Fri 2025-11-21 08:00:00 UTC',
    'RTCTimeUSec=Fri 2025-11-21 08:00:00 UTC',
    '',
  ].join('\n'),
} as const;

/** chrony, having set the clock right a second ago. */
export function chronyNow(): string {
  return SAMPLES.chrony_ntp.replace('1763712000', String(Math.floor(Date.now() / 1_000) - 1));
}

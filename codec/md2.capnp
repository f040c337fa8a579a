@0xad7fbe910f86d909;

# md2: what the bus carries and the archive holds. A stream of messages in the standard framing, one
# Event each, one segment each:
#
#   zstd -dc OBJECT.capnp.zst | capnp decode codec/md2.capnp Event
#
# Absent is never zero in disguise:
#
# - a decimal is absent where its exponent is 127 (the default, so an older archive that ends before a
#   field reads as absent); otherwise it is mantissa * 10^exponent, with the venue's trailing zeros
#   kept: "0.100" is 100 and -3. Exponents are -64 to 63.
# - an integer or an instant is absent where 'known' is false
# - a text is absent where its pointer is null; "" is an empty text
# - a side is absent where it is 'unknown'
# - tsEvent 0 is absent: no venue's event is of 1970
#
# Instants are nanoseconds since the Unix epoch, UTC. Fields, types and flags are only ever appended.
# The layout is derived in md2-layout.ts from EVENT_FIELDS of schema/events.ts and tested against this
# file.

struct Event {
  t @0 :UInt64;
  # Receive time, and the position of the event's line in the shard's log: strictly increasing.
  tsEvent @1 :UInt64;
  # When the venue says it happened; 0 where it does not say.
  sequence :group {
    # The venue's own number for the message.
    value @2 :UInt64;
    known @5 :Bool;
  }
  index @3 :UInt32;
  # Counts within one line, type and symbol: (shard, t, type, symbol, index) is the event's identity.
  flags @4 :UInt32;
  # 1 snapshot, 2 last of its type and symbol in this line, 4 maybe bad book, 8 bad receive time,
  # 16 unverified, 32 id conflict, 64 history.
  shard @6 :Text;
  feed @7 :Text;
  symbol @8 :Text;
  # Our name of the market; '_FEED-{shard}' for an event of no market.
  union {
    trade @9 :Trade;
    quote @10 :Quote;
    book @11 :Book;
    ohlc @12 :Ohlc;
    ticker @13 :Ticker;
    mark @14 :Mark;
    liquidation @15 :Liquidation;
    instrument @16 :Instrument;
    status @17 :Status;
  }
}

enum Side {
  unknown @0;
  buy @1;
  sell @2;
}

struct Level {
  # One price of a book; size 0 deletes it.
  price :group {
    mantissa @0 :Int64;
    exponent @2 :Int8 = 127;
  }
  size :group {
    mantissa @1 :Int64;
    exponent @3 :Int8 = 127;
  }
}

struct Trade {
  # One execution, or an aggregate of executions at one price. The side is the aggressor's.
  price :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  size :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  side @4 :Side;
  tradeId @5 :Text;
  orderType @6 :Text;
  firstTradeId :group {
    value @7 :UInt64;
    known @8 :Bool;
  }
  lastTradeId :group {
    value @9 :UInt64;
    known @10 :Bool;
  }
}

struct Quote {
  # Best bid and offer.
  bidPrice :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  bidSize :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  askPrice :group {
    mantissa @4 :Int64;
    exponent @5 :Int8 = 127;
  }
  askSize :group {
    mantissa @6 :Int64;
    exponent @7 :Int8 = 127;
  }
}

struct Book {
  # Levels of a book: the whole of it with flag 1 (snapshot), else what changed.
  bids @0 :List(Level);
  asks @1 :List(Level);
  depth :group {
    # Levels a side the subscription keeps; absent where the venue sends all.
    value @2 :UInt32;
    known @3 :Bool;
  }
  checksum :group {
    # The venue's checksum of the book after this message, unsigned.
    value @4 :UInt32;
    known @5 :Bool;
  }
  firstSequence :group {
    # First update id in this message (Binance 'U').
    value @6 :UInt64;
    known @7 :Bool;
  }
  prevSequence :group {
    # The update id this message follows (Binance 'pu', OKX 'prevSeqId').
    value @8 :UInt64;
    known @9 :Bool;
  }
  part :group {
    # A message over the size limit comes as parts 1..parts.
    value @10 :UInt32;
    known @11 :Bool;
  }
  parts :group {
    value @12 :UInt32;
    known @13 :Bool;
  }
}

struct Ohlc {
  # A candle as the venue computes it; updates repeat until the interval ends.
  open :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  high :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  low :group {
    mantissa @4 :Int64;
    exponent @5 :Int8 = 127;
  }
  close :group {
    mantissa @6 :Int64;
    exponent @7 :Int8 = 127;
  }
  volume :group {
    mantissa @8 :Int64;
    exponent @9 :Int8 = 127;
  }
  vwap :group {
    mantissa @10 :Int64;
    exponent @11 :Int8 = 127;
  }
  quoteVolume :group {
    mantissa @12 :Int64;
    exponent @13 :Int8 = 127;
  }
  trades :group {
    value @14 :UInt64;
    known @15 :Bool;
  }
  intervalBegin :group {
    ns @16 :UInt64;
    known @17 :Bool;
  }
  intervalS :group {
    # Length of the interval in seconds.
    value @18 :UInt32;
    known @19 :Bool;
  }
  closed :group {
    # 1 closed, 0 still open, absent where the venue does not say.
    value @20 :UInt32;
    known @21 :Bool;
  }
}

struct Ticker {
  # The venue's rolling summary of a market.
  lastPrice :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  lastSize :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  bidPrice :group {
    mantissa @4 :Int64;
    exponent @5 :Int8 = 127;
  }
  bidSize :group {
    mantissa @6 :Int64;
    exponent @7 :Int8 = 127;
  }
  askPrice :group {
    mantissa @8 :Int64;
    exponent @9 :Int8 = 127;
  }
  askSize :group {
    mantissa @10 :Int64;
    exponent @11 :Int8 = 127;
  }
  volume :group {
    mantissa @12 :Int64;
    exponent @13 :Int8 = 127;
  }
  quoteVolume :group {
    mantissa @14 :Int64;
    exponent @15 :Int8 = 127;
  }
  vwap :group {
    mantissa @16 :Int64;
    exponent @17 :Int8 = 127;
  }
  open :group {
    mantissa @18 :Int64;
    exponent @19 :Int8 = 127;
  }
  high :group {
    mantissa @20 :Int64;
    exponent @21 :Int8 = 127;
  }
  low :group {
    mantissa @22 :Int64;
    exponent @23 :Int8 = 127;
  }
  change :group {
    mantissa @24 :Int64;
    exponent @25 :Int8 = 127;
  }
  changePercent :group {
    mantissa @26 :Int64;
    exponent @27 :Int8 = 127;
  }
  trades :group {
    value @28 :UInt64;
    known @29 :Bool;
  }
}

struct Mark {
  # A derivative's mark and index price with its funding.
  markPrice :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  indexPrice :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  settlePrice :group {
    mantissa @4 :Int64;
    exponent @5 :Int8 = 127;
  }
  fundingRate :group {
    mantissa @6 :Int64;
    exponent @7 :Int8 = 127;
  }
  nextFunding :group {
    ns @8 :UInt64;
    known @9 :Bool;
  }
}

struct Liquidation {
  # A forced order.
  price :group {
    mantissa @0 :Int64;
    exponent @1 :Int8 = 127;
  }
  size :group {
    mantissa @2 :Int64;
    exponent @3 :Int8 = 127;
  }
  averagePrice :group {
    mantissa @4 :Int64;
    exponent @5 :Int8 = 127;
  }
  filledSize :group {
    mantissa @6 :Int64;
    exponent @7 :Int8 = 127;
  }
  side @8 :Side;
  orderType @9 :Text;
  status @10 :Text;
}

struct Instrument {
  # Reference data of one market, as the venue states it.
  base @0 :Text;
  quote @1 :Text;
  status @2 :Text;
  priceIncrement :group {
    mantissa @3 :Int64;
    exponent @4 :Int8 = 127;
  }
  sizeIncrement :group {
    mantissa @5 :Int64;
    exponent @6 :Int8 = 127;
  }
  sizeMin :group {
    mantissa @7 :Int64;
    exponent @8 :Int8 = 127;
  }
  costMin :group {
    mantissa @9 :Int64;
    exponent @10 :Int8 = 127;
  }
  pricePrecision :group {
    value @11 :UInt32;
    known @12 :Bool;
  }
  sizePrecision :group {
    value @13 :UInt32;
    known @14 :Bool;
  }
}

struct Status {
  # A fact about the data itself, derived from log lines alone.
  kind @0 :Text;
  # 'gap_opened gap_closed refused rejected clock system'
  cause @1 :Text;
  # 'disconnect sequence checksum crossed refused take_over drop parse clock stale ...'
  about @2 :Text;
  # The type of event it concerns ('trade', 'book', ...), absent for all.
  connection :group {
    value @3 :UInt32;
    known @4 :Bool;
  }
  from :group {
    # Where a gap begins (the last line known good) and ends.
    ns @5 :UInt64;
    known @6 :Bool;
  }
  to :group {
    ns @7 :UInt64;
    known @8 :Bool;
  }
  expected @9 :Text;
  received @10 :Text;
  detail @11 :Text;
  repaired :group {
    # 1 what was missed came later (trade history), 0 it did not, absent while open.
    value @12 :UInt32;
    known @13 :Bool;
  }
}

@0xabcdef1234567890;

# md1: the simple form of market data, a pure projection of md2 (md2.capnp).
#
# - timestamp is when the venue says it happened; 0 where it does not say
# - numbers are the nearest doubles to the exact decimals; one that is absent is not a number (NaN)
# - an order book snapshot holds the top 10 levels a side, best first, and comes after every change of a
#   book that is whole and verified; while it is not, there is none
# - a trade whose side the venue does not say has no form here and is left out
# - exchange is the feed: 'kraken', 'binance-usdm'

struct Timestamp {
  epochNanos @0 :UInt64;
}

struct Quote {
  symbol @0 :Text;
  bidPrice @1 :Float64;
  bidSize @2 :Float64;
  askPrice @3 :Float64;
  askSize @4 :Float64;
  timestamp @5 :Timestamp;
  exchange @6 :Text;
}

struct Trade {
  symbol @0 :Text;
  price @1 :Float64;
  size @2 :Float64;
  side @3 :Side;
  timestamp @4 :Timestamp;
  tradeId @5 :Text;
  exchange @6 :Text;
}

enum Side {
  buy @0;
  sell @1;
}

struct OrderBookLevel {
  price @0 :Float64;
  size @1 :Float64;
}

struct OrderBookSnapshot {
  symbol @0 :Text;
  bids @1 :List(OrderBookLevel);
  asks @2 :List(OrderBookLevel);
  timestamp @3 :Timestamp;
  exchange @4 :Text;
}

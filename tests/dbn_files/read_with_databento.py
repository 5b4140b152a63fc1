"""Reads DBN files with the official package and compares them with what was published.

usage: read_with_databento.py FILES EXPECTED

EXPECTED has SCHEMA.records (the records' bytes as they were in the ring) and symbols.json (id -> symbol; empty: not compared).
Prints a line per schema; ends with 1 at the first difference.
"""

import json
import pathlib
import sys

import databento
import databento_dbn
import numpy

MESSAGES = {
    "mbo": databento_dbn.MBOMsg,
    "mbp-1": databento_dbn.MBP1Msg,
    "mbp-10": databento_dbn.MBP10Msg,
    "trades": databento_dbn.TradeMsg,
    "status": databento_dbn.StatusMsg,
    "imbalance": databento_dbn.ImbalanceMsg,
    "statistics": databento_dbn.StatMsg,
    "definition": databento_dbn.InstrumentDefMsg,
    "ohlcv-1s": databento_dbn.OHLCVMsg,
    "ohlcv-1m": databento_dbn.OHLCVMsg,
    "ohlcv-1h": databento_dbn.OHLCVMsg,
    "ohlcv-1d": databento_dbn.OHLCVMsg,
}


def refuse(what):
    print(what, file=sys.stderr)
    sys.exit(1)


def compare_columns(schema, rows, frame):
    """Every column of the frame that is a field of the record, row by row."""
    columns = [name for name in frame.columns if name in rows.dtype.names]
    for name in columns:
        field, column = rows[name], frame[name].to_numpy()
        if field.dtype.kind == "S":
            # Some letters come as text, others as the enumeration's value.
            field = numpy.char.decode(field, "ascii")
            column = numpy.array([getattr(value, "value", value) for value in column], dtype=str)
        try:
            different = numpy.nonzero(field != column.astype(field.dtype))[0]
        except (TypeError, ValueError) as error:
            refuse(f"{schema}: column {name}: {error}")
        if len(different):
            at = different[0]
            refuse(f"{schema}: column {name}, row {at}: published {field[at]!r}, read {column[at]!r}")
    return columns


def main(files, expected):
    symbols = {int(id): symbol for id, symbol in json.loads((expected / "symbols.json").read_text()).items()}
    for path in sorted(expected.glob("*.records")):
        schema = path.stem
        published = numpy.frombuffer(path.read_bytes(), dtype=MESSAGES[schema]._dtypes)
        seen = 0
        columns = []
        for file in sorted(files.glob(f"*.{schema}.*.dbn.zst")):
            store = databento.DBNStore.from_file(file)
            rows = store.to_ndarray()
            here = published[seen : seen + len(rows)]
            if here.tobytes() != rows.tobytes():
                refuse(f"{file.name}: its records are not those that were published")
            frame = store.to_df(price_type="fixed", pretty_ts=False, map_symbols=True)
            if len(frame) != len(rows):
                refuse(f"{file.name}: {len(frame)} rows of {len(rows)} records")
            columns = compare_columns(schema, here, frame.reset_index())
            ids = frame["instrument_id"].to_numpy()
            for id, symbol in zip(ids, frame["symbol"]):
                if id != 0 and not isinstance(symbol, str):
                    refuse(f"{file.name}: id {id} has no symbol")
                if id != 0 and symbols and symbols[id] != symbol:
                    refuse(f"{file.name}: id {id} is {symbol}, and was announced as {symbols[id]}")
            # As people read it.
            store.to_df()
            seen += len(rows)
        if seen != len(published):
            refuse(f"{schema}: {seen} rows in files, {len(published)} published")
        print(f"{schema}: {seen} rows, {len(columns)} columns compared")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))

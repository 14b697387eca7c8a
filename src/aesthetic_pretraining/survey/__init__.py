"""The survey of section 4.2: people choose between a photo and its distorted version, in a browser.

plan      which pairs there are: balanced, drawn by a seed
photos    where the photos come from: a store of the chain, or a folder
images    both versions as JPEG, rendered by the native engine and kept in bounded memory
schema    the database: SQLite, in which an acknowledged answer survives kill -9
records   what is written there: people, pairs that were shown, answers
writer    the thread that writes, many requests to a transaction
app       pages and forms
server    one process on one port
export    the CSV that rule `premise` reads
status    how far the survey has come
"""

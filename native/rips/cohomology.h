// Persistent cohomology over Z/p of a flag complex, dimension by dimension.
//
// Columns are coboundaries, taken in reverse filtration order and reduced until no two share a pivot, the
// earliest cofacet. A simplex that was a pivot one dimension below is skipped ("clearing", [CK11]); apparent
// pairs are recognised from the distances alone and never stored; of the others only the reduction matrix V
// is kept, and coboundaries are enumerated again when a column is added [Bau21].
//   (R1) Once a column is done, no two finished columns share a pivot, apparent ones included.
//   (R2) Every simplex is a pivot, or has one, or is essential; apparent pairs have length zero.
// V's column of an unkilled or killed class is a cocycle that represents it: the representative.
// Cost: cubic in simplices at worst. Memory: the columns to reduce, V, and one table slot per pivot.
//   [CK11] C. Chen, M. Kerber, Persistent homology computation with a twist, 2011.
//   [Bau21] U. Bauer, Ripser: efficient computation of Vietoris-Rips persistence barcodes, 2021.
#pragma once

#include <vector>

#include "native/rips/batch.h"
#include "native/rips/flag_complex.h"
#include "native/rips/pivot_table.h"

namespace tda::rips {

class Cohomology {
 public:
  // REQUIRES: options checked, indexer of max_dimension + 2 vertices. Keeps the references.
  Cohomology(const FlagComplex& complex, const BatchOptions& options, BatchResult& result);

  // Appends the pairs of all dimensions to the result. kOk, kCancelled or kMemoryLimit.
  Status run(const std::vector<Simplex>& edges);

 private:
  struct Column {
    Simplex simplex;
    uint64_t begin = 0;  // its part of V, without the simplex itself
    uint64_t end = 0;
  };

  Status reduce_vertices(const std::vector<Simplex>& edges);
  Status list_columns(size_t vertex_count);
  Status reduce_columns(size_t vertex_count);
  void reduce_one(size_t at, size_t vertex_count);
  bool start_column(const Simplex& simplex, size_t vertex_count, Simplex& pivot);
  void add_simplex(Simplex simplex, size_t vertex_count, uint32_t factor);
  bool pop_pivot(Simplex& pivot);
  void store_column(Column& column);
  void report(const Column& column, const Simplex* death, size_t vertex_count);
  uint32_t times(uint32_t a, uint32_t b) const { return a * b % options_.modulus; }
  bool cancelled() const {
    return options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed);
  }
  uint64_t bytes() const;

  const FlagComplex& complex_;
  const BatchOptions& options_;
  BatchResult& result_;
  std::vector<uint32_t> inverse_;    // of 1 ... p - 1
  std::vector<Simplex> simplices_;   // of the dimension at hand, without apparent cofacets
  std::vector<Column> columns_;      // to reduce, latest simplex first
  std::vector<Simplex> v_;           // finished columns of V
  PivotTable pivots_;                // of the dimension at hand
  PivotTable cleared_;               // pivots of the dimension below
  std::vector<Simplex> coboundary_;  // heap, earliest on top
  std::vector<Simplex> cochain_;     // heap: the column of V being made
};

}  // namespace tda::rips
